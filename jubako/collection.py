"""The models of one service as a value: cards, model classes and recipes by name.

Composition makes one from a class body. Commands that must not import the service find the same models by one rule: a
folder ``bentos/NAME`` with a ``card.py``. Several collections can exist in one process.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jubako import home
from jubako.card import AnyCard

if TYPE_CHECKING:
    from jubako.models import AnyModel
    from jubako.training.recipe import Recipe

#: The package that holds the models, and the one that holds their recipes.
MODELS, RECIPES = "bentos", "training"
ItemT = TypeVar("ItemT")


class _Lazy(Mapping[str, ItemT]):
    """Items by name, each loaded on first access: listing iris does not import torch."""

    def __init__(self, names: Sequence[str], load: Callable[[str], ItemT]) -> None:
        self._names = tuple(names)
        self._load = load
        self._loaded: dict[str, ItemT] = {}

    def __getitem__(self, name: str) -> ItemT:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Collection:
    """``name`` is the service's: its section in ``configuration.yaml`` and its label in metrics."""

    name: str
    cards: Mapping[str, AnyCard]
    models: Mapping[str, type[AnyModel]]
    recipes: Mapping[str, Recipe]

    @classmethod
    def of(cls, name: str, models: Sequence[type[AnyModel]]) -> Collection:
        found = {model.card.name: model for model in models}
        if len(found) != len(models):
            raise ValueError(f"{name} has two models of one name")
        cards = {model.card.name: model.card for model in models}
        return cls(name, cards, found, _Lazy(list(found), _recipe))

    @classmethod
    def found(cls, root: Path) -> Collection:
        """The models under ``root``: each folder ``bentos/NAME`` with a ``card.py``."""
        names = sorted(file.parent.name for file in (root / MODELS).glob("*/card.py"))
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        return cls(_service_name(root), _Lazy(names, _card), _Lazy(names, _model), _Lazy(names, _recipe))

    def __iter__(self) -> Iterator[str]:
        return iter(self.cards)


def here() -> Collection:
    """The collection of the repository (or Bento) that this process works in."""
    return _found(home.repository())


@lru_cache(maxsize=8)
def _found(root: Path) -> Collection:
    return Collection.found(root)


def _service_name(root: Path) -> str:
    """The gateway's name, from ``service: "bentos.service:Jubako"`` in ``bentofile.yaml``.

    Read as text: an installation without the server has no YAML parser.
    """
    for file in (root / "bentofile.yaml",):
        for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
            key, _, value = line.partition(":")
            if key.strip() == "service":
                return value.partition("#")[0].strip().strip("\"'").rpartition(":")[2].lower()
    return "jubako"


def _card(name: str) -> AnyCard:
    card: AnyCard = import_module(f"{MODELS}.{name}.card").CARD
    return card


def _model(name: str) -> type[AnyModel]:
    """The one class with this card that is defined in the model's own file."""
    module = import_module(f"{MODELS}.{name}.model")
    found: list[Any] = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__ and getattr(getattr(one, "card", None), "name", None) == name
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define one model of the card {name}; it defines {len(found)}")
    model: type[AnyModel] = found[0]
    return model


def _recipe(name: str) -> Recipe:
    recipe: Recipe = import_module(f"{RECIPES}.{name}").RECIPE
    return recipe
