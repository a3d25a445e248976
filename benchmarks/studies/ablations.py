"""Switches off one mechanism at a time, and shows what breaks or how much is lost.

    python -m benchmarks.studies.ablations [--only give-back standby] [--turns 3] [--seconds 3]

Each row serves the product and, beside it, ``ablated_service`` with one ablation; loads alternate between them: with,
without, with again. The second "with" over the first (A/A) shows how far two equal services differ here. Results are
kept in ``.jubako/bench/ablations.json``; ``docs/ablations.md`` is written from everything kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import saturation
from benchmarks.host import allow_many_connections, calm
from benchmarks.places import COLLECTION, ROOT
from benchmarks.studies.ablation_loads import ROWS, Ablated, Measured
from benchmarks.table import short
from jubako import home

PAGE = ROOT / "docs" / "ablations.md"


@dataclass(frozen=True)
class Kept:
    """The measured values of one measure of one row, in the order in which they were measured."""

    ablation: str
    measure: str
    on: list[float]
    off: list[float]
    again: list[float]
    measured: str

    def line(self) -> tuple[str, ...]:
        ratios = [off / on for on, off in zip(self.on, self.off, strict=True) if on]
        control = [again / on for on, again in zip(self.on, self.again, strict=True) if on]
        return (
            self.ablation,
            ROWS[self.ablation].mechanism,
            self.measure,
            short(statistics.median(self.on)),
            short(statistics.median(self.off)),
            spread(ratios),
            spread(control),
        )


def spread(ratios: list[float]) -> str:
    """
    >>> spread([0.9, 1.1, 1.0]), spread([])
    ('1.00 (0.90-1.10)', '')
    """
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else ""


def measure(name: str, turns: int, seconds: float) -> list[Kept]:
    """All measures of one row."""
    row = ROWS[name]
    found: dict[str, tuple[list[float], list[float], list[float]]] = {}
    for turn, (on, off, again) in enumerate(_turns(name, turns, seconds)):
        print(f"  {name}, turn {turn + 1}: with {on}; without {off}; with again {again}", flush=True)
        for key in on:
            places = found.setdefault(key, ([], [], []))
            for place, values in zip(places, (on, off, again), strict=True):
                place.append(values[key])
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return [Kept(name, f"{row.load}: {key}", *values, now) for key, values in found.items()]


def _turns(name: str, turns: int, seconds: float) -> Iterator[tuple[Measured, Measured, Measured]]:
    """With, without, with again."""
    row = ROWS[name]
    ablation = row.ablation or name
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        on, off = (Ablated(one, row, folder, seconds) for one in ("", ablation))
        if not row.restarts:
            stack.enter_context(on.serving())
            stack.enter_context(off.serving())
        for _ in range(turns):
            yield asyncio.run(row.measure(on)), asyncio.run(row.measure(off)), asyncio.run(row.measure(on))


def _lines(kept: list[Kept]) -> Iterator[tuple[str, ...]]:
    for name, row in ROWS.items():
        mine = [one for one in kept if one.ablation == name]
        yield from (one.line() for one in mine)
        if not mine:
            yield name, row.mechanism, f"{row.load}: not measured yet", "", "", "", ""


def write_page(kept: list[Kept], page: Path) -> None:
    lines = [
        "# What each mechanism is worth",
        "",
        "<!-- Made by `python -m benchmarks.studies.ablations`; do not edit. -->",
        "",
        "Each mechanism is switched off by itself, in a patched copy of the service process; the product has no such"
        " switches. *Ratio* is without over with, formed within a turn, as median and range; *A/A* is the same"
        " service measured twice, and shows how much a ratio means. Times are from two shared cores.",
        "",
        "| ablation | mechanism | load: measure | with | without | ratio | A/A |",
        "|---|---|---|---:|---:|---:|---:|",
        *(f"| {' | '.join(line)} |" for line in _lines(kept)),
        "",
        "`python -m benchmarks.studies.ablations --only standby` measures one row again. Last measured: "
        + (max(one.measured for one in kept) if kept else "never")
        + ".",
    ]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), default=tuple(ROWS), help="these rows")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one load")
    parser.add_argument("--keep", type=Path, default=home.jubako_home() / "bench" / "ablations.json")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    saturation.install()
    allow_many_connections()
    if not calm():
        print("this host is not calm: other programs, or other machines, take its processors")
    kept = [Kept(**one) for one in json.loads(options.keep.read_text())] if options.keep.exists() else []
    print(f"{len(options.only)} rows with {', '.join(COLLECTION)}")
    started = time.monotonic()
    for name in options.only:
        kept = [one for one in kept if one.ablation != name] + measure(name, options.turns, options.seconds)
        options.keep.parent.mkdir(parents=True, exist_ok=True)
        options.keep.write_text(json.dumps([asdict(one) for one in kept], indent=1) + "\n")
        write_page(kept, options.page)
    print(f"{(time.monotonic() - started) / 60:.0f} minutes; {options.page}")


if __name__ == "__main__":
    main()
