"""What ``predict`` takes: the card's rows, mappings, whole tables; texts and files where the row is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from jubako.card import RowT
from jubako.client.files import File
from jubako.client.rows import Array, Frame

Fields: TypeAlias = Mapping[str, Any]
Table: TypeAlias = Frame | Array
"""A pandas or polars DataFrame, or a numpy array."""


class HasText(Protocol):
    """A row with a ``text``: a plain string stands for it."""

    @property
    def text(self) -> str: ...


class HasData(Protocol):
    """A row that is a file: a path, bytes, an open file or a picture stands for it."""

    @property
    def data(self) -> bytes: ...


HasTextT = TypeVar("HasTextT", bound=HasText)
HasDataT = TypeVar("HasDataT", bound=HasData)
InputT_contra = TypeVar("InputT_contra", contravariant=True)

TextInput: TypeAlias = HasTextT | Fields | str
FileInput: TypeAlias = HasDataT | Fields | File
TableInput: TypeAlias = RowT | Fields
