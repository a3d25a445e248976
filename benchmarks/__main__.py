"""Jubako, its peers and the bare model, measured side by side. ``--quick`` takes under five minutes."""

from __future__ import annotations

import argparse
import signal
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from benchmarks import report
from benchmarks.environments import Environments
from benchmarks.host import Host
from benchmarks.places import COLLECTION, versions
from benchmarks.plan import quick, whole
from benchmarks.results import Run, Unlike
from benchmarks.rounds import run
from benchmarks.servers import SERVERS
from benchmarks.table import show
from jubako import home


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under five minutes: one model, one and 64 callers")
    parser.add_argument("--models", nargs="+", choices=tuple(COLLECTION.cards), default=tuple(COLLECTION.cards))
    parser.add_argument("--servers", nargs="+", choices=tuple(SERVERS), help="all by default")
    parser.add_argument("--rounds", type=int, help="how often each server takes its turn")
    parser.add_argument("--seconds", type=float, help="how long each load lasts")
    parser.add_argument("--patience", type=float, help="seconds to wait, in all, while the host is busy with others")
    parser.add_argument("--go-on", action="store_true", help="with the run in --out that was broken off")
    parser.add_argument("--environments", type=Path, help="where the peers are installed (.jubako/bench-envs)")
    parser.add_argument("--out", type=Path, help="the JSON file that is written (.jubako/bench/run.json)")
    options = parser.parse_args(given)
    if options.patience is None:
        options.patience = 0.0 if options.quick else 3_600.0
    options.out = options.out or home.jubako_home() / "bench" / ("quick.json" if options.quick else "run.json")
    return options


def measured(options: argparse.Namespace) -> Run:
    servers = [SERVERS[name] for name in options.servers] if options.servers else None
    chosen = {name: value for name in ("rounds", "seconds") if (value := getattr(options, name)) is not None}
    plan = (quick if options.quick else whole)(options.models, servers, **chosen)
    for name in sorted(set(plan.models) - set(versions())):
        print(f"{name} has no version in production and is left out: run `jubako train {name}`")
    environments = Environments(options.environments or home.jubako_home() / "bench-envs")
    if options.go_on and not options.out.exists():
        sys.exit(f"there is no run to go on with: {options.out} does not exist")
    broken_off = Run.read(options.out) if options.go_on else None
    host = Host(options.patience)
    try:
        say = partial(print, flush=True)
        return run(plan, environments, options.out, say, host=host, broken_off=broken_off)
    except Unlike as differs:
        sys.exit(f"{options.out} is no beginning of this run: {differs}")


def stop(number: int, _: object) -> NoReturn:
    """A SIGTERM unwinds like Ctrl-C, so that no server is left behind."""
    sys.exit(128 + number)


def main(given: list[str]) -> None:
    signal.signal(signal.SIGTERM, stop)
    options = arguments(given)
    found = measured(options)
    show(found)
    if not found.quick:
        page = report.write(found, options.out.parent)
        print(f"\nthe page and its plots: {page}; `python -m benchmarks.report {options.out}` puts them into docs/")


if __name__ == "__main__":
    main(sys.argv[1:])
