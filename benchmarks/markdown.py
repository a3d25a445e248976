"""Small pieces of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.plan import Cell


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown: the first column to the left, numbers to the right."""
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def load(cell: Cell) -> str:
    """
    >>> load((1, 64)), load((1024, 1))
    ('1 connection, 64 rows', '1024 connections, 1 row')
    """
    connections, size = cell
    return f"{connections} connection{'s' if connections > 1 else ''}, {size_of(size)}"


def size_of(rows: int) -> str:
    return f"{rows} row{'s' if rows > 1 else ''}"
