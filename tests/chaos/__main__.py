"""``make chaos``: every behaviour at full size against the store that serves, and a table of what was seen."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jubako import home
from tests.chaos import answers, attacked, candidates, deaths, loads, versions  # noqa: F401 - they fill the table
from tests.chaos.behaviour import BEHAVIOURS, Outcome, Place, Size
from tests.chaos.beside import BESIDE


def good(outcome: Outcome) -> bool:
    return outcome.held and outcome.timely


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    which = "only these behaviours: " + "; ".join(f"{number} {tried.done}" for number, tried in BEHAVIOURS.items())
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help=which)
    parser.add_argument("--small", action="store_true", help="at the size that the tests have")
    parser.add_argument("--alone", action="store_true", help="without plain BentoML beside it")
    options = parser.parse_args()
    if unknown := set(options.numbers) - set(BEHAVIOURS):
        parser.error(f"there is no behaviour {min(unknown)}; there are {min(BEHAVIOURS)} to {max(BEHAVIOURS)}")
    return options


def main() -> int:
    options = arguments()
    numbers = options.numbers or sorted(BEHAVIOURS)
    size: Size = "small" if options.small else "full"
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
        if number in BESIDE and not options.alone:
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
