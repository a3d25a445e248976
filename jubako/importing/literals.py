"""Python literals as ruff's formatter writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LINE = 120


def text(value: object) -> str:
    """A literal as ruff writes it: double quotes, unless they would have to be escaped."""
    written = repr(value)
    if not isinstance(value, str) or '"' in value or written[0] == '"':
        return written
    return f'"{written[1:-1]}"'.replace("\\'", "'")


def sequence(values: Iterable[object]) -> str:
    return ", ".join(map(text, values))


def assignment(name: str, before: str, values: Sequence[str], opening: str, closing: str) -> list[str]:
    line = f"{name} = {before}{opening}{sequence(values)}{',' if len(values) == 1 else ''}{closing}"
    if len(line) <= LINE:
        return [line]
    return [f"{name} = {before}{opening}", *(f"    {text(value)}," for value in values), closing]
