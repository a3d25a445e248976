"""One server with one model: started, put under the loads of the plan, checked, and stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import checking
from benchmarks.environments import Environments
from benchmarks.host import Host, undisturbed
from benchmarks.places import COLLECTION, ROOT, Place, free_ports
from benchmarks.plan import BASIS, SHARE, Cell, Station, too_slow
from benchmarks.questions import Questions, write
from benchmarks.results import Life, Load, Skipped
from benchmarks.running import DidNotStart, Meter, Running, settle
from benchmarks.saturation import Seen, saturate

Finding = Load | Life | Skipped
Used = tuple[Seen, float]
"""The result of a load, and the processor seconds that the server used."""
#: If a request takes seconds, a load lasts this many of them: a shorter one would see the first answers only.
TURNS = 3
LONGEST_SECONDS = 15.0
TOLD = ("seconds", "refused", "broken", "p50", "p90", "p99", "longest", "late")


@dataclass(frozen=True)
class Laboratory:
    """What all stations share."""

    environments: Environments
    files: dict[str, Path]
    asked: dict[str, Questions]
    bare: dict[str, float]
    """Model -> the bare model's best rows a second, from rows (or files) to answers."""
    seconds: float
    warm_seconds: float
    host: Host


class Visit:
    def __init__(self, lab: Laboratory, station: Station, round_number: int, scratch: Path) -> None:
        self._lab = lab
        self._station = station
        self._round = round_number
        self._scratch = scratch
        self._asked = lab.asked[station.model]
        self._requests: dict[int, Path] = {}

    def findings(self) -> Iterator[Finding]:
        server, model = self._station.server, self._station.model
        port, second, third = free_ports(3)
        place = Place(model, self._lab.files[model], self._scratch, port, second, third)
        if server.prepares == "mlmodel":
            write_mlmodel(place, native=server.documented)
        bin_folder = (
            self._lab.environments.make(server.environment) if server.environment else Path(sys.executable).parent
        )
        program, *words = server.command
        command = [str(bin_folder / program), *(server.filled(word, place) for word in words)]
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, **server.environment_variables(place)}
        first = server.wire.ask(self._asked.card, self._asked.given[:1])
        with Running(command, env, port, self._scratch / "server.log", ROOT) as running:
            try:
                running.answers(first)
            except DidNotStart as error:
                print(f"{server.title} did not start:\n{error}", file=sys.stderr, flush=True)
                yield self._life(running, why="it did not start")
                return
            settle(running)
            yield from self._loads(running)
            yield self._life(running)

    def _life(self, running: Running, why: str | None = None) -> Life:
        return Life(
            server=self._station.server.name,
            model=self._station.model,
            round=self._round,
            start_seconds=running.start_seconds,
            processes=len(running.processes()),
            memory=running.memory(),
            why=why,
        )

    def _loads(self, running: Running) -> Iterator[Finding]:
        basis: Load | None = None
        for cell in self._station.cells:
            why = too_slow(cell, self._lab.bare[self._station.model])
            if why:
                yield Skipped(
                    server=self._station.server.name,
                    model=self._station.model,
                    connections=cell[0],
                    rows=cell[1],
                    why=why,
                )
                continue
            load = self._closed(running, cell)
            basis = load if cell == BASIS else basis
            yield load
        if self._station.open_loop and basis is not None and basis.answered:
            settle(running)  # the load before may have been more than it can serve
            yield self._open(running, basis.per_second * SHARE)

    def _closed(self, running: Running, cell: Cell) -> Load:
        connections, rows = cell
        requests = self._file(rows)
        line_seconds = connections * rows / self._lab.bare[self._station.model]
        result: list[checking.Checked] = []
        check = threading.Thread(target=lambda: result.append(self._check(running, rows)))
        check.start()
        warm = saturate(running.port, requests, connections, max(self._lab.warm_seconds, line_seconds))
        check.join()
        checked = result[0] if result else checking.Checked(0, 0)
        turn_seconds = max(line_seconds, warm.longest / 1000)
        seconds = max(self._lab.seconds, min(TURNS * turn_seconds, LONGEST_SECONDS))

        def measure() -> Used:
            meter = Meter(running)
            return saturate(running.port, requests, connections, seconds), meter.seconds()

        return self._load(cell, undisturbed(measure, self._lab.host), checked)

    def _open(self, running: Running, offered: float) -> Load:
        arguments = [str(running.port), str(self._file(1)), str(offered), str(2 * self._lab.seconds)]
        command = [sys.executable, "-m", "benchmarks.arrivals", *arguments]

        def measure() -> Used:
            meter = Meter(running)
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            said = json.loads(done.stdout)
            return Seen(requests=said.pop("answered") + said["refused"], **said), meter.seconds()

        load = self._load((0, 1), undisturbed(measure, self._lab.host), checking.Checked(0, 0))
        return load.model_copy(update={"offered": offered})

    def _load(self, cell: Cell, found: tuple[Used, float], checked: checking.Checked) -> Load:
        (seen, cpu), stolen = found
        return Load(
            server=self._station.server.name,
            model=self._station.model,
            connections=cell[0],
            rows=cell[1],
            round=self._round,
            answered=seen.answered,
            cpu_seconds=cpu,
            checked=checked.checked,
            wrong=checked.wrong,
            stolen=stolen,
            **{name: getattr(seen, name) for name in TOLD},
        )

    def _check(self, running: Running, rows: int) -> checking.Checked:
        return checking.check(running.url, self._station.server.wire, self._asked, rows, self._lab.warm_seconds)

    def _file(self, rows: int) -> Path:
        if rows not in self._requests:
            requests = self._asked.requests(self._station.server.wire, rows)
            self._requests[rows] = write(self._scratch / f"requests-{rows}", requests)
        return self._requests[rows]


def visit(lab: Laboratory, station: Station, round_number: int) -> Generator[Finding]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        yield from Visit(lab, station, round_number, Path(scratch)).findings()


def write_mlmodel(place: Place, native: bool) -> None:
    """The folder that training registers with MLflow, written by the same code."""
    from jubako.onnx import ONNX_FILE
    from jubako.training import mlmodel

    files = place.scratch / "files"
    shutil.copytree(place.files, files)
    if native:
        (files / ONNX_FILE).unlink()
    mlmodel.write(
        place.scratch / "mlmodel", COLLECTION.cards[place.model], files, run_id="0" * 32, model_id="m-" + "0" * 32
    )
