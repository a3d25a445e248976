"""The engine's contract tests, for every model of this collection."""

import pytest

from jubako.testing import *  # noqa: F403
from jubako.testing import pickles

pytest.mark.slow(pickles.test_loading_the_model_with_any_engine_unpickles_nothing)  # it starts Python for each model
