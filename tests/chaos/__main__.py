"""``make chaos``: every behaviour at full size against the store that serves, and a table of what was seen."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bentos import home
from tests.chaos import answers, deaths, loads, versions  # noqa: F401 - they fill the table
from tests.chaos.behaviour import BEHAVIOURS, Outcome, Place, Size


def good(outcome: Outcome) -> bool:
    return outcome.held and outcome.timely


def main() -> int:
    """Arguments: ``--small``, and numbers of behaviours to try only those."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or sorted(BEHAVIOURS)
    size: Size = "small" if "--small" in sys.argv else "full"
    console = Console()
    outcomes: dict[int, Outcome] = {}
    for number in numbers:
        tried = BEHAVIOURS[number]
        with console.status(f"{number}: {tried.done}"), tempfile.TemporaryDirectory() as folder:
            try:
                outcomes[number] = asyncio.run(tried.attempt(Place(home.bentoml_home(), Path(folder), size)))
            except Exception as error:
                outcomes[number] = Outcome(False, f"{type(error).__name__}: {error}")
        mark = "[green]held[/]" if good(outcomes[number]) else "[red]NOT HELD[/]"
        console.print(f"{number:>2} {mark} {outcomes[number].seen}", highlight=False)
    table = Table(title=f"What was done to the service ({size} size)", show_lines=True)
    for title in ("#", "done to it", "expected", "", "seen"):
        table.add_column(title, overflow="fold")
    for number, outcome in outcomes.items():
        tried = BEHAVIOURS[number]
        table.add_row(str(number), tried.done, tried.expected, "held" if good(outcome) else "NOT HELD", outcome.seen)
    console.print(table)
    return 0 if all(map(good, outcomes.values())) else 1


sys.exit(main())
