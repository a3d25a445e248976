"""``python -m tests.fuzz``: made-up HTTP against a running service, or against one that it starts.

Fails when an answer fits no request, a process ends, something unexpected is logged, or memory or connections stay.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from jubako import home
from tests.fuzz.grammar import Target
from tests.fuzz.running import Report, fuzz
from tests.homes import forget
from tests.serving import RunningService, examples

WARM = 20_000
TABLES = ("iris", "housing", "churn")
#: An error that names our fault. Requests of this kind are never ours.
_FAULT = re.compile(r"Traceback|\"level\": ?\"(?:error|critical)\"|Fatal error")


def targets() -> list[Target]:
    found = [Target(path) for path in (b"/livez", b"/v1/models", b"/v1/models/iris", b"/v1/nothing", b"/docs.json")]
    found += [Target(b"/livez", b"HEAD"), Target(b"/v1/feedback", b"POST", (b"{}", b"[]"))]
    for name in TABLES:
        path = f"/v1/{name}/predict".encode()
        rows = examples(name)
        good = [json.dumps({"inputs": rows[:count]}).encode() for count in (1, 2)]
        found.append(Target(path, b"POST", (*good, *good, b"{}", b'{"inputs": [{}]}', b"[")))
    return found


@contextmanager
def serving(folder: Path) -> Iterator[RunningService]:
    store = home.bentoml_home()
    forget()
    with RunningService(store, folder, target="tests.chaos.tables:Tables") as service:
        yield service


def fuzzed(requests: int, seed: int, only: int | None, connections: int) -> list[str]:
    """What was wrong."""
    wrong: list[str] = []

    def told(report: Report) -> None:
        sys.stderr.write(f"\r{report}   ")

    def run(count: int, seed: int, first: int = 0) -> Report:
        made = fuzz(service.port, targets(), count, seed=seed, first=first, connections=connections, progress=told)
        report = uvloop.run(made)
        sys.stderr.write(f"\r{report}\n")
        wrong.extend(report.faults)
        return report

    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as service:
        if only is not None:
            run(1, seed, only)
            return wrong
        run(WARM, seed + 1)
        processes, before = set(service.processes()), memory(service)
        run(requests, seed)
        asyncio.run(asyncio.sleep(1.0))
        grown = memory(service) / before - 1
        sys.stderr.write(f"memory {grown:+.1%}\n")
        if grown > 0.10:
            wrong.append(f"memory grew by {grown:.1%}")
        if ended := processes - set(service.processes()):
            wrong.append(f"processes ended: {ended}")
        left = service.metrics()["jubako_connections"]
        if left > 1:  # this one's own
            wrong.append(f"{left:.0f} connections stayed")
        wrong += [f"logged: {line[:2_000]}" for line in service.log().splitlines() if _FAULT.search(line)]
    return wrong


def memory(service: RunningService) -> int:
    return sum(process.memory_info().rss for process in service.processes())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--only", type=int, metavar="CASE", help="send one case again")
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    wrong = fuzzed(options.requests, options.seed, options.only, options.connections)
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    return 1 if wrong else 0


sys.exit(main())
