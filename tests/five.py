"""The collection of this repository, for tests."""

from __future__ import annotations

from jubako.collection import Collection
from tests.reading import ROOT

COLLECTION = Collection.found(ROOT)
CARDS = COLLECTION.cards
MODELS = COLLECTION.models
RECIPES = COLLECTION.recipes
