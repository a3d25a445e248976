"""Finds the best settings of a peer: ``python -m benchmarks.studies.tune litserve``.

The candidates of one setting are tried in turn, several times, with the other settings unchanged. Requests/s decide;
processor time of a request is shown too, since it is comparable on a machine that is not idle.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import saturation
from benchmarks.environments import Environments
from benchmarks.host import Host, allow_many_connections
from benchmarks.places import COLLECTION, versions
from benchmarks.plan import Station
from benchmarks.questions import questions
from benchmarks.results import Load
from benchmarks.servers import SERVERS, Server
from benchmarks.station import Laboratory, visit
from jubako import home

CELLS = ((16, 1), (64, 1), (64, 64))


def variations(server: Server) -> Iterator[Server]:
    """The server as it is, and with each of the other candidates for one setting."""
    yield server
    for setting, values in server.candidates.items():
        for value in values:
            if value != server.settings[setting]:
                yield replace(server, title=f"{setting} {value}", settings={**server.settings, setting: value})


def main(given: list[str]) -> None:
    tunable = [name for name, server in SERVERS.items() if server.candidates]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.tune", description=__doc__)
    parser.add_argument("server", choices=tunable)
    parser.add_argument("--model", choices=tuple(COLLECTION.cards), default="iris")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--environments", type=Path, default=home.jubako_home() / "bench-envs")
    options = parser.parse_args(given)
    saturation.install()
    allow_many_connections()
    files = versions()
    asked = questions(COLLECTION.cards[options.model], COLLECTION.models[options.model].load(files[options.model]))
    lab = Laboratory(
        Environments(options.environments),
        files,
        {options.model: asked},
        {options.model: 1e9},
        options.seconds,
        1.0,
        Host(0),
    )
    found: defaultdict[str, defaultdict[tuple[int, int], list[Load]]] = defaultdict(lambda: defaultdict(list))
    for number in range(options.rounds):
        for variation in variations(SERVERS[options.server]):
            station = Station(variation, options.model, CELLS, open_loop=False)
            with contextlib.closing(visit(lab, station, number)) as findings:
                for load in findings:
                    if isinstance(load, Load):
                        found[variation.title][load.connections, load.rows].append(load)
    for title, cells in found.items():
        print(f"{title:<24}", "   ".join(_told(cell, loads) for cell, loads in cells.items()))


def _told(cell: tuple[int, int], loads: list[Load]) -> str:
    answered = statistics.median(load.per_second for load in loads)
    cost = statistics.median(load.cpu_seconds / max(load.answered, 1) for load in loads)
    return f"{cell[0]:>3} x {cell[1]:<2} {answered:>8,.0f}/s {cost * 1e6:>7,.0f} us"


if __name__ == "__main__":
    main(sys.argv[1:])
