"""The contract tests: what every card, model and recipe must do, whatever framework made it.

A repository has them with two lines in ``tests/test_contracts.py``, and every model under ``bentos/`` is tested::

    import jubako.testing
    from jubako.testing import *

A fixture that is defined after these lines replaces one of the engine's: ``small_params``, for example.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in ("cards", "models", "pickles", "recipes")))

from jubako.testing import cards, fixtures, models, pickles, recipes  # noqa: E402 - rewritten from here on

_found = {
    name: item
    for part in (fixtures, cards, models, pickles, recipes)
    for name, item in vars(part).items()
    if name.startswith("test_") or name in fixtures.FIXTURES
}
globals().update(_found)
__all__ = list(_found)
