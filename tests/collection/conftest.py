"""The fixture ``card`` of the engine's contract tests, for every test of this collection."""

from jubako.testing.fixtures import card  # noqa: F401
