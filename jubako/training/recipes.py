"""The recipes by name. Each is imported when it is asked for: training iris does not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import cast

from bentos.cards import CARDS
from jubako.training.recipe import Recipe


class _Recipes(Mapping[str, Recipe]):
    def __getitem__(self, name: str) -> Recipe:
        if name not in CARDS:
            raise KeyError(name)
        return cast(Recipe, import_module(f"training.{name}").RECIPE)

    def __iter__(self) -> Iterator[str]:
        return iter(CARDS)

    def __len__(self) -> int:
        return len(CARDS)


RECIPES: Mapping[str, Recipe] = _Recipes()
