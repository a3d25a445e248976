"""The engine's contract tests, for every model of this collection."""

from jubako.testing import *  # noqa: F403
