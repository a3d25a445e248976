"""``--set key=value``: typed like the default it replaces."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jubako.training.recipe import Param, Params

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ParamRefused(ValueError):
    """A key nobody reads, or a value of another type; one sentence."""


def parse(model: str, defaults: Params, pairs: Sequence[str]) -> dict[str, Param]:
    """
    >>> parse("iris", {"trees": 100, "share": 0.5}, ["trees=20", "share=1"])
    {'trees': 20, 'share': 1.0}
    >>> parse("iris", {"trees": 100}, ["tree=20"])
    Traceback (most recent call last):
    jubako.training.params.ParamRefused: iris has no parameter 'tree'; it has trees
    """
    found: dict[str, Param] = {}
    for pair in pairs:
        key, mark, text = pair.partition("=")
        if not mark:
            raise ParamRefused(f"--set takes key=value, not {pair!r}")
        if key not in defaults:
            raise ParamRefused(f"{model} has no parameter {key!r}; it has {', '.join(sorted(defaults))}")
        found[key] = _value(key, text.strip(), defaults[key])
    return found


def _value(key: str, text: str, default: Param) -> Param:
    if isinstance(default, bool):
        if text.lower() not in TRUTHS:
            raise ParamRefused(f"{key} takes true or false, not {text!r}")
        return TRUTHS[text.lower()]
    try:
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            number = float(text)
            if math.isfinite(number):
                return number
            raise ValueError(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ParamRefused(f"{key} takes {kind}, not {text!r}") from None
    return text
