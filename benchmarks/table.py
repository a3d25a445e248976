"""A run on the terminal, and the tables and number formats that the page shares with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.aims import aims
from benchmarks.plan import Cell
from benchmarks.results import Run
from benchmarks.summary import Figure, Summary, p99, per_second


def show(run: Run, console: Console | None = None) -> None:
    console = console or Console()
    summary = Summary(run)
    for model in summary.models:
        for rows in sorted({rows for _, rows in summary.cells(model)}):
            console.print(_loads(summary, model, [cell for cell in summary.cells(model) if cell[1] == rows]))
    judged = aims(summary)
    if judged:
        table = Table("aim", "wanted", "found", "", title="Aims", title_justify="left")
        for aim in judged:
            table.add_row(aim.what, aim.wanted, aim.found, "met" if aim.met else "MISSED")
        console.print(table)


def _loads(summary: Summary, model: str, cells: list[Cell]) -> Table:
    rows = cells[0][1]
    title = f"{model}, {rows} row{'s' if rows > 1 else ''} a request: requests/s, p99 in ms"
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("server", min_width=14)
    for connections, _ in cells:
        table.add_column(f"{connections:,}", justify="right", no_wrap=True)
    for server in summary.servers:
        if any(summary.loads(server, model, cell) for cell in cells):
            table.add_row(summary.title(server), *(_cell(summary, server, model, cell) for cell in cells))
    return table


def _cell(summary: Summary, server: str, model: str, cell: Cell) -> str:
    answered = summary.of(server, model, cell, per_second)
    slowest = summary.of(server, model, cell, p99)
    if answered is None:
        return ""
    lines = [short(answered.median)]
    if answered.low < answered.high:
        lines.append(f"{short(answered.low)}-{short(answered.high)}")
    if slowest is not None:
        lines.append(f"p99 {short(slowest.median)}")
    failed = summary.failed(server, model, cell)
    return "\n".join([*lines, f"{failed:.1%} failed"] if failed else lines)


def spread(found: Figure) -> str:
    """
    >>> spread(Figure(9_300.0, 9_100.0, 9_400.0)), spread(Figure(51.04, 51.04, 51.04))
    ('9,300 (9,100-9,400)', '51.0')
    """
    if found.low == found.high:
        return short(found.median)
    return f"{short(found.median)} ({short(found.low)}-{short(found.high)})"


def short(value: float) -> str:
    """
    >>> [short(value) for value in (12345.6, 99.94, 5.678, 0.0123, 0.0)]
    ['12,346', '99.9', '5.68', '0.012', '0']
    """
    if not value:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


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
