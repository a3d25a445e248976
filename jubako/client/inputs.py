"""What `predict` takes, one line a model: card rows (an editor completes their fields), mappings, and whole tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bentos.churn.card import ChurnRow
from bentos.housing.card import HousingRow
from bentos.iris.card import IrisRow
from bentos.sentiment.card import SentimentRow
from jubako.client.files import Picture
from jubako.client.rows import Array, Frame

Fields: TypeAlias = Mapping[str, Any]
Table: TypeAlias = Frame | Array
"""A pandas or polars DataFrame, or a numpy array."""

IrisInput: TypeAlias = IrisRow | Fields
HousingInput: TypeAlias = HousingRow | Fields
SentimentInput: TypeAlias = SentimentRow | Fields | str
ChurnInput: TypeAlias = ChurnRow | Fields
ImageInput: TypeAlias = Picture
