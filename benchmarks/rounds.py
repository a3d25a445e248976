"""A run: every server in turn, for several rounds, so that changes of the machine reach all of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import saturation
from benchmarks.ceiling import ceiling
from benchmarks.environments import Environments, installed
from benchmarks.host import Host, allow_many_connections, describe, undisturbed
from benchmarks.places import COLLECTION, ROOT, versions
from benchmarks.plan import Plan, Station
from benchmarks.questions import questions
from benchmarks.results import Bare, Contestant, Life, Load, Run, Skipped
from benchmarks.servers import JUBAKO, Server
from benchmarks.station import Finding, Laboratory, visit

Say = Callable[[str], None]


def run(
    plan: Plan, environments: Environments, keep: Path, say: Say, *, host: Host, broken_off: Run | None = None
) -> Run:
    """Measure everything, and write the findings to ``keep`` after each turn. The findings of a run that was
    ``broken_off`` are not measured again."""
    saturation.install()
    allow_many_connections()
    here = (server for server in plan.servers if not server.environment or environments.can_make(server.environment))
    plan = replace(plan, servers=tuple(here))
    started = time.monotonic()
    files = {name: folder for name, folder in versions().items() if name in plan.models}
    models = COLLECTION.models
    asked = {name: questions(models[name].card, models[name].load(folder)) for name, folder in files.items()}
    begun = _begin(plan, environments)
    if broken_off is not None:
        begun = begun.begun(broken_off)
    finished = begun.finished()
    found: list[Finding] = [*begun.loads, *begun.lives, *begun.skipped]
    bare = {(one.model, one.round): one for one in begun.bare}

    def so_far() -> Run:
        found_now = {
            "minutes": round(begun.minutes + (time.monotonic() - started) / 60, 1),
            "loads": [one for one in found if isinstance(one, Load)],
            "lives": [one for one in found if isinstance(one, Life)],
            "bare": list(bare.values()),
            "skipped": list(dict.fromkeys(one for one in found if isinstance(one, Skipped))),
        }
        return begun.model_copy(update=found_now)

    for number in range(plan.rounds):
        for station in _stations(plan, number, files):
            model = station.model
            if (station.server.name, model, number) in finished:
                continue
            # Right before Jubako, which is measured by what survives of it: a machine's speed changes within minutes.
            if (model, number) not in bare or station.server == JUBAKO:
                bare[model, number] = _bare(model, files[model], plan.seconds / 16, number, host)
            # A picture takes long to decode, not to compute.
            best = {model: max(bare[model, number].encode.values())}
            lab = Laboratory(environments, files, asked, best, plan.seconds, plan.warm_seconds, host)
            with contextlib.closing(visit(lab, station, number)) as findings:
                for finding in findings:
                    found.append(finding)
                    say(_line(station, finding, number))
            so_far().write(keep)
    return so_far()


def _begin(plan: Plan, environments: Environments) -> Run:
    """A run without findings: its servers and its machine."""
    return Run(
        quick=plan.quick,
        started=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        minutes=0,
        rounds=plan.rounds,
        seconds=plan.seconds,
        machine=describe(),
        tools={"wrk": saturation.version(), "jubako": version("jubako")},
        contestants={server.name: _contestant(server, environments) for server in plan.servers},
        ceiling=round(ceiling()),
        loads=[],
        lives=[],
        bare=[],
        skipped=[],
    )


def _stations(plan: Plan, number: int, files: dict[str, Path]) -> Iterator[Station]:
    return (station for station in plan.stations(number) if station.model in files)


def _contestant(server: Server, environments: Environments) -> Contestant:
    python = environments.make(server.environment) / "python" if server.environment else Path(sys.executable)
    return Contestant(
        title=server.title,
        note=server.note,
        batching=server.batching,
        documented=server.documented,
        versions=installed(python, server.packages),
        settings=dict(server.settings),
    )


def _bare(model: str, folder: Path, seconds: float, number: int, host: Host) -> Bare:
    time.sleep(0.2)  # what stopped before has stopped
    command = [sys.executable, "-m", "benchmarks.bare", model, str(folder), str(seconds)]
    said, _ = undisturbed(lambda: subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True), host)
    return Bare.model_validate_json(said.stdout).model_copy(update={"round": number})


def _line(station: Station, finding: Finding, number: int) -> str:
    where = f"round {number + 1}  {station.server.title:<24} {station.model:<10}"
    if isinstance(finding, Skipped):
        return f"{where} {finding.connections:>5} x {finding.rows:<3} skipped: {finding.why}"
    if isinstance(finding, Life):
        return f"{where} {finding.why or f'started in {finding.start_seconds:.1f} s, {finding.memory:,.0f} MB'}"
    how = f"{finding.connections:>5} x {finding.rows:<3}" if finding.offered is None else f"{finding.offered:>7,.0f}/s "
    failed = f"  {finding.failed_share:.1%} failed" if finding.failed_share else ""
    wrong = f"  {finding.wrong} of {finding.checked} WRONG" if finding.wrong else ""
    return (
        f"{where} {how} {finding.per_second:>9,.1f}/s  p50 {finding.p50:8.2f}  p99 {finding.p99:8.2f} ms{failed}{wrong}"
    )
