"""What `predict` takes, one line a model: card rows (an editor completes their fields), mappings, and whole tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bentos.cards.churn import ChurnRow
from bentos.cards.housing import HousingRow
from bentos.cards.iris import IrisRow
from bentos.cards.sentiment import SentimentRow
from bentos.client.pictures import Picture
from bentos.client.rows import Array, Frame

Fields: TypeAlias = Mapping[str, Any]
Table: TypeAlias = Frame | Array
"""A pandas or polars DataFrame, or a numpy array."""

IrisInput: TypeAlias = IrisRow | Fields
HousingInput: TypeAlias = HousingRow | Fields
SentimentInput: TypeAlias = SentimentRow | Fields | str
ChurnInput: TypeAlias = ChurnRow | Fields
ImageInput: TypeAlias = Picture
