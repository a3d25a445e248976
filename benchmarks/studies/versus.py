"""Two checkouts of this project in turn, on one machine: is the newer one as fast as the older one?

    python -m benchmarks.studies.versus /path/to/older [--pairs 5] [--seconds 3] [--models iris churn]
    python -m benchmarks.studies.versus --against same

Each checkout serves its own code with its own ``bentoml serve`` and ``BENTOML_HOME``; models that are missing there are
trained first, from equal seeds. Both services are up all the time; loads alternate between them, and the order changes
with each pair. A ratio (newer over older) is formed within a pair. ``--against same`` serves this checkout twice: its
ratios show how far two equal services differ here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import tomllib
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import saturation
from benchmarks.host import Stolen, calm
from benchmarks.places import COLLECTION, ROOT, free_ports
from benchmarks.questions import write
from benchmarks.running import Running, settle
from benchmarks.saturation import Seen, saturate
from benchmarks.table import short
from benchmarks.wires import Rows
from jubako import home
from jubako.load.rows import collection_draws, draw_function

CONNECTIONS = (1, 64)
REQUESTS = 512
WIRE = Rows("/v1/{model}/predict")


@dataclass(frozen=True)
class Checkout:
    root: Path
    homes: Path

    def environment(self, run: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.root),
            "BENTOML_HOME": str(self.homes / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
            "JUBAKO_HOME": str(self.homes / run),
        }

    @property
    def target(self) -> str:
        module = "service" if (self.root / "bentos" / "service.py").exists() else "gateway"
        return f"bentos.{module}:Jubako"

    def train(self, models: list[str]) -> None:
        """By this checkout's own console command."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        module, _, function = project["project"]["scripts"]["jubako"].partition(":")
        program = f"import sys; from {module} import {function}; sys.argv[0] = 'jubako'; sys.exit({function}())"
        command = [sys.executable, "-c", program, "train", *models, "--missing"]
        subprocess.run(command, cwd=self.root, env=self.environment("train"), check=True)

    def serve(self, run: str, scratch: Path) -> Running:
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "bentoml", "serve", self.target, "--port", str(port)]
        return Running(command, self.environment(run), port, scratch / f"{run}.log", self.root)


@dataclass(frozen=True)
class Pair:
    """One load, right after each other: milliseconds, requests/s."""

    model: str
    connections: int
    before: float
    after: float
    before_p50: float
    after_p50: float
    before_p99: float
    after_p99: float
    failed: int
    stolen: float


def requests(model: str, folder: Path) -> Path:
    card = COLLECTION.cards[model]
    draw, rng = draw_function(card, collection_draws()), random.Random(f"versus {model}")  # noqa: S311
    return write(folder / model, [WIRE.ask(card, [draw(rng)]).raw() for _ in range(REQUESTS)])


def pair(model: str, connections: int, seconds: float, file: Path, ports: tuple[int, int], *, turn: int) -> Pair:
    watch = Stolen()
    seen: dict[int, Seen] = {}
    for port in ports if turn % 2 == 0 else ports[::-1]:
        seen[port] = saturate(port, file, connections, seconds)
    before, after = (seen[port] for port in ports)
    return Pair(
        model,
        connections,
        before.answered / before.seconds,
        after.answered / after.seconds,
        before.p50,
        after.p50,
        before.p99,
        after.p99,
        sum(one.refused + one.broken for one in seen.values()),
        watch.share(),
    )


def compare(before: Checkout, after: Checkout, models: list[str], pairs: int, seconds: float) -> list[Pair]:
    found: list[Pair] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        services = [
            stack.enter_context(checkout.serve(run, scratch)) for run, checkout in (("a", before), ("b", after))
        ]
        files = {model: requests(model, scratch) for model in models}
        for service in services:
            for model in models:
                card = COLLECTION.cards[model]
                service.answers(WIRE.ask(card, [draw_function(card, collection_draws())(random.Random(1))]))  # noqa: S311
        for service in services:
            settle(service)
        first, second = (service.port for service in services)
        for model in models:
            for connections in CONNECTIONS:
                for port in (first, second):
                    saturate(port, files[model], connections, 1.0)  # warm
                for turn in range(pairs):
                    one = pair(model, connections, seconds, files[model], (first, second), turn=turn)
                    found.append(one)
                    print(f"{model:<10} {connections:>3}  {one.before:8,.0f} {one.after:8,.0f}/s", flush=True)
    return found


def ratio(before: list[float], after: list[float]) -> str:
    """
    >>> ratio([1.0, 2.0, 4.0], [1.0, 1.0, 4.4])
    '1.00 (0.50-1.10)'
    """
    found = [newer / older for older, newer in zip(before, after, strict=True) if older]
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def show(found: list[Pair], title: str) -> None:
    table = Table("model", "connections", "before, /s", "after, /s", "requests/s", "p50", "p99", "failed", title=title)
    for model, connections in dict.fromkeys((one.model, one.connections) for one in found):
        cell = [one for one in found if (one.model, one.connections) == (model, connections)]
        table.add_row(
            model,
            str(connections),
            short(statistics.median(one.before for one in cell)),
            short(statistics.median(one.after for one in cell)),
            ratio([one.before for one in cell], [one.after for one in cell]),
            ratio([one.before_p50 for one in cell], [one.after_p50 for one in cell]),
            ratio([one.before_p99 for one in cell], [one.after_p99 for one in cell]),
            str(sum(one.failed for one in cell)),
        )
    Console(width=120).print(table)
    for what, older, newer in (("requests/s", "before", "after"), ("p99", "before_p99", "after_p99")):
        ratios = [getattr(one, newer) / getattr(one, older) for one in found if getattr(one, older)]
        print(f"{what}: {statistics.geometric_mean(ratios):.3f} of before (geometric mean of {len(ratios)} pairs)")
    print(f"taken by the host: {statistics.median(one.stolen for one in found):.1%} in the median pair")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, nargs="?", help="the older checkout")
    parser.add_argument("after", type=Path, nargs="?", default=ROOT, help="the newer one; by default this one")
    parser.add_argument("--against", choices=("same",), help="serve the newer one twice, as a control")
    parser.add_argument("--models", nargs="+", choices=tuple(COLLECTION), default=list(COLLECTION))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one load")
    parser.add_argument("--homes", type=Path, default=home.jubako_home() / "bench" / "versus", help="stores")
    parser.add_argument("--out", type=Path, help="a JSON file for the pairs")
    options = parser.parse_args()
    if (options.before is None) == (options.against is None):
        parser.error("name the older checkout, or --against same")
    saturation.install()
    after = Checkout(options.after.resolve(), options.homes.resolve() / "after")
    before = after if options.against else Checkout(options.before.resolve(), options.homes.resolve() / "before")
    for checkout in dict.fromkeys((before, after)):
        checkout.train(options.models)
    if not calm():
        print("this host is not calm: other programs, or other machines, take its processors")
    found = compare(before, after, options.models, options.pairs, options.seconds)
    if options.out:
        options.out.write_text(json.dumps([asdict(one) for one in found]) + "\n")
    show(found, "A/A" if options.against else f"{before.root.name} and {after.root.name}")


if __name__ == "__main__":
    main()
