"""Reads rows of numbers and categories from JSON straight into the model's matrix, in a third to a fifth of the time
that pydantic takes.

It accepts valid requests only. For any other it returns ``None``, and ``JsonRows`` reads the body again and writes the
errors. So it must never accept what ``JsonRows`` refuses.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import msgspec
import numpy as np
from msgspec.structs import astuple
from pydantic.fields import FieldInfo

from jubako.batch import join_packed
from jubako.card import NOT_BOOLEAN, AnyCard


class FastJsonReader:
    """Reads ``{"inputs": [row, ...]}`` for one card."""

    def __init__(self, fields: dict[str, Any], max_rows: int) -> None:
        row = msgspec.defstruct("Row", list(fields.items()), forbid_unknown_fields=True, gc=False)
        inputs = Annotated[list[row], msgspec.Meta(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]
        request = msgspec.defstruct("Request", [("inputs", inputs)], forbid_unknown_fields=True, gc=False)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(request).decode
        self._width = len(fields)
        self.join = partial(join_packed, self._width)
        self._pack = struct.Struct(f"={self._width}f").pack

    @classmethod
    def of(cls, card: AnyCard, max_rows: int) -> Self | None:
        """``None`` for a card whose rows are no table, or have validators that msgspec cannot express."""
        rules = card.row.__pydantic_decorators__
        if card.media != "json" or rules.field_validators or rules.model_validators:
            return None
        kinds = {name: _kind(name, info) for name, info in card.row.model_fields.items()}
        return cls(kinds, max_rows) if None not in kinds.values() else None

    def read(self, body: bytes) -> tuple[bytes, int]:
        """The bytes of the matrix that ``encode`` makes, and its rows; 0 when ``JsonRows`` must read the body."""
        try:
            rows = self._decode(body).inputs
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return b"", 0
        count = len(rows)
        if body.count(b":") != count * self._width + 1:
            return b"", 0  # a repeated key is one colon too many, even when it is escaped
        try:
            if count == 1:
                return self._pack(*astuple(rows[0])), 1
            return b"".join([self._pack(*astuple(row)) for row in rows]), count
        except struct.error:  # a null, which numpy knows as NaN
            return np.array(list(map(astuple, rows)), dtype=np.float32).tobytes(), count


_BOUNDS = ("ge", "gt", "le", "lt")


class _Category(float, Enum):
    """Decoded from its value; as a float it is its position on the card."""

    def __new__(cls, value: str | int, place: int) -> Self:
        self = float.__new__(cls, place)
        self._value_ = value
        return self


def _kind(name: str, info: FieldInfo) -> Any:
    """The msgspec type of a card's field; ``None`` when there is none."""
    return (_category if get_origin(info.annotation) is Literal else _number)(name, info)


def _category(name: str, info: FieldInfo) -> Any:
    values = get_args(info.annotation)
    if set(map(type, values)) not in ({str}, {int}) or any(rule is not NOT_BOOLEAN for rule in info.metadata):
        return None
    made: Any = _Category  # called with a name and members, an enum makes a type
    return made(name, {f"v{place}": (value, place) for place, value in enumerate(values)})


def _number(_name: str, info: FieldInfo) -> Any:
    bounds = {bound: getattr(rule, bound) for rule in info.metadata for bound in _BOUNDS if hasattr(rule, bound)}
    # Bounded on both sides, or a number could overflow a float32.
    both = bounds.keys() & {"ge", "gt"} and bounds.keys() & {"le", "lt"}
    if not both or not len(bounds) == len(info.metadata) == 2:
        return None
    kinds = set(get_args(info.annotation)) or {info.annotation}
    filled = kinds - {type(None)}
    if filled not in ({int}, {float}):
        return None
    kind: Any = Annotated[filled.pop(), msgspec.Meta(**bounds)]
    return kind if len(kinds) == 1 else kind | None
