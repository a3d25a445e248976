"""Tables in the terminal: columns that do not fit are left out, never cut off."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 160
"""The width when the output is no terminal; rich would assume 80 columns."""
WRAPPED = 24
"""The minimal width of a column that may take several lines."""


def console() -> Console:
    found = Console(highlight=False)
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=PIPE_WIDTH)


def table(
    screen: Console, columns: Mapping[str, Sequence[str]], spare: Sequence[str] = (), wrapped: Sequence[str] = ()
) -> Table:
    """The columns that fit; those named in ``spare`` go first when there is no room, in that order. Columns named in
    ``wrapped`` may take several lines.
    """
    kept = dict(columns)
    for name in spare:
        if _width(kept, wrapped) <= screen.width:
            break
        del kept[name]
    built = Table(box=None, pad_edge=False)
    for heading in kept:
        built.add_column(heading, no_wrap=heading not in wrapped)
    for cells in zip(*kept.values(), strict=True):
        built.add_row(*cells)
    return built


def _width(columns: Mapping[str, Sequence[str]], wrapped: Sequence[str]) -> int:
    widths = [max(Text.from_markup(cell).cell_len for cell in (name, *cells)) for name, cells in columns.items()]
    may_wrap = [min(width, WRAPPED) if name in wrapped else width for name, width in zip(columns, widths, strict=True)]
    return sum(may_wrap) + 2 * (len(widths) - 1)
