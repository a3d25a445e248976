"""What is wrong with a table, in words for the person who has to mend it: column, what, how often, an example."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import ErrorDetails

LIMITS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"})


class Complaints:
    """Collected by column and kind, so that a thousand equal faults are one line."""

    def __init__(self) -> None:
        self._table: list[str] = []
        self._cells: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, line: str) -> None:
        """About the table as a whole."""
        self._table.append(line)

    def add_cells(self, errors: Iterable[ErrorDetails], name: Callable[[ErrorDetails], str], place: int) -> None:
        """What pydantic found in the row at ``place``; ``name`` says what the table calls the column."""
        for error in errors:
            if error["type"] == "missing":  # said once, for the whole column
                continue
            key = name(error), in_words(error)
            count, example = self._cells.get(key, (0, f"{error['input']!r} in row {place + 1}"))
            self._cells[key] = count + 1, example

    def lines(self) -> list[str]:
        return self._table + [
            f"{column}: {what} ({count} row{'s' if count > 1 else ''}, for example {example})"
            for (column, what), (count, example) in self._cells.items()
        ]


def in_words(error: Any) -> str:
    """
    >>> in_words({"type": "less_than_equal", "input": 50.0, "msg": "Input should be less than or equal to 42.1"})
    'out of range, should be less than or equal to 42.1'
    """
    if error["input"] is None:
        return "empty"
    if error["type"] == "literal_error":
        return f"unknown category, known are {error['ctx']['expected']}"
    words = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{'out of range' if error['type'] in LIMITS else 'wrong type'}, should be {words}"
