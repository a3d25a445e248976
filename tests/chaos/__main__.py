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
from tests.chaos.beside import BESIDE


def good(outcome: Outcome) -> bool:
    return outcome.held and outcome.timely


def main() -> int:
    """Arguments: numbers of behaviours to try only those; ``--small``; ``--alone`` leaves plain BentoML out."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or sorted(BEHAVIOURS)
    size: Size = "small" if "--small" in sys.argv else "full"
    console = Console()
    outcomes: dict[int, Outcome] = {}
    plain: dict[int, str] = {}
    for number in numbers:
        tried = BEHAVIOURS[number]
        with console.status(f"{number}: {tried.done}"), tempfile.TemporaryDirectory() as folder:
            try:
                outcomes[number] = asyncio.run(tried.attempt(Place(home.bentoml_home(), Path(folder), size)))
            except Exception as error:
                outcomes[number] = Outcome(False, f"{type(error).__name__}: {error}")
        if number in BESIDE and "--alone" not in sys.argv:
            with console.status(f"{number}: the same with plain BentoML"), tempfile.TemporaryDirectory() as folder:
                try:
                    plain[number] = asyncio.run(BESIDE[number](Place(home.bentoml_home(), Path(folder))))
                except Exception as error:
                    plain[number] = f"{type(error).__name__}: {error}"
        mark = "[green]held[/]" if good(outcomes[number]) else "[red]NOT HELD[/]"
        console.print(f"{number:>2} {mark} {outcomes[number].seen}", highlight=False)
        if number in plain:
            console.print(f"   plain BentoML: {plain[number]}", highlight=False)
    table = Table(title=f"What was done to the service ({size} size)", show_lines=True)
    for title in ("#", "done to it", "expected", "", "seen", "plain BentoML"):
        table.add_column(title, overflow="fold")
    for number, outcome in outcomes.items():
        tried = BEHAVIOURS[number]
        table.add_row(
            str(number),
            tried.done,
            tried.expected,
            "held" if good(outcome) else "NOT HELD",
            outcome.seen,
            plain.get(number, ""),
        )
    console.print(table)
    return 0 if all(map(good, outcomes.values())) else 1


sys.exit(main())
