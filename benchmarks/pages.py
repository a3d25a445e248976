"""The text of ``docs/benchmarks.md``. Every number in it comes from the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import losses
from benchmarks.aims import OURS, aims
from benchmarks.host import STOLEN, TRIES
from benchmarks.plan import BASIS, CELLS, CROWD, SHARE, Cell
from benchmarks.results import Load, Run
from benchmarks.sides import costs, documented, lives, survival
from benchmarks.summary import Summary, figure, p99, per_second
from benchmarks.table import load, rows, short, size_of, spread


def page(summary: Summary, folder: str) -> str:
    parts = (
        _head(summary),
        _aims(summary),
        _wins_and_losses(summary),
        _loads(summary, folder),
        _open(summary),
        survival(summary),
        costs(summary, folder),
        lives(summary),
        documented(summary),
        _left_out(summary),
        _method(summary),
    )
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _head(summary: Summary) -> Iterator[str]:
    run, machine = summary.run, summary.run.machine
    yield "# Benchmarks"
    yield ""
    yield "<!-- Made by `python -m benchmarks.report` from a run; do not edit. -->"
    yield ""
    yield (
        f"{_runs(run)}, {run.started}, {run.minutes:,.0f} minutes: {run.rounds} rounds, in each of which every"
        " server served the same models, files and requests in turn. Numbers are medians of the rounds, with the lowest"
        " and the highest; ratios are formed within a round. Servers and load generator share one machine:"
        f" {machine.processor}, {machine.cores} cores, {machine.memory_gigabytes:g} GB, {machine.system}. Compare the"
        " numbers of one run with each other, not with another machine's."
    )
    stolen = figure(load.stolen for load in run.loads)
    if stolen and stolen.high > 0:
        yield ""
        yield (
            f"The machine is virtual. Its host took {stolen.median:.1%} of the processor time in the median load"
            f" and {stolen.high:.0%} in the worst. A load that lost more than {STOLEN:.0%} was measured up to {TRIES}"
            " times; the least disturbed measurement counts."
        )
    if missing := run.missing():
        told = ", ".join(f"{count} with {model}" for model, count in missing.items())
        yield ""
        yield f"**Incomplete:** the run ended before some servers' last turns ({told}); these have fewer rounds."
    if machine.load_before > 0.5:
        yield ""
        yield f"**The machine was not idle:** the load average was {machine.load_before:g} before the run began."


def _runs(run: Run) -> str:
    times = {0: "", 1: ", interrupted once and continued"}.get(run.resumed, f", continued {run.resumed} times")
    return f"One run of `make bench`{times}"


def _aims(summary: Summary) -> Iterator[str]:
    found = aims(summary)
    yield f"## Aims: {sum(aim.met for aim in found)} of {len(found)} met"
    yield ""
    lines = ((aim.what, aim.wanted, aim.found, "met" if aim.met else "**missed**") for aim in found)
    yield from rows(("aim", "wanted", "found", ""), lines)
    if not all(aim.met for aim in found):
        yield ""
        yield "[limits.md](limits.md) says what limits Jubako where it misses an aim, and what was tried."


def _wins_and_losses(summary: Summary) -> Iterator[str]:
    beside = losses.throughput(summary)
    lost = [one for one in beside if one.lost]
    yield "## Where Jubako wins, and where it loses"
    yield ""
    yield (
        f"Jubako wins {len(beside) - len(lost)} of {len(beside)} loads: it answered more requests a second than every"
        f" peer. It loses {len(lost)}: some peer answered more. These, with the best peer of each:"
    )
    yield ""
    lines = (
        (one.model, load(one.cell), summary.title(one.peer), spread(one.ratio))
        for one in sorted(lost, key=lambda one: one.ratio.median)
    )
    yield from rows(("model", "load", "best peer", "Jubako's requests/s over its"), lines)
    yield ""
    yield "One connection, one row: Jubako's latency over that of the fastest peer (above 1 is slower)."
    yield ""
    single = (
        (one.model, summary.title(one.peer), spread(one.ratio), "**lost**" if one.ratio.median > 1 else "won")
        for one in losses.single(summary)
    )
    yield from rows(("model", "fastest peer", "Jubako's p50 over its", ""), single)
    wrong = [(summary.title(server), *summary.wrong(server)) for server in summary.servers]
    yield ""
    yield (
        f"Of {sum(checked for *_, checked in wrong):,} answers that were compared with the bare model's under load, "
        + (", ".join(f"{bad} of {title}'s were wrong" for title, bad, _ in wrong if bad) or "none was wrong")
        + "."
    )


def _loads(summary: Summary, folder: str) -> Iterator[str]:
    yield "## Throughput and latency, closed loop"
    yield ""
    yield (
        "Each connection sends its next request as soon as it has an answer. Shown are successful requests a second"
        " and the 99th percentile of the latency. Failed requests are counted, and never as answered. A load is lost to"
        " the peer that answered most requests a second, if Jubako answered fewer."
    )
    yield ""
    yield f"![Answered requests a second over connections]({folder}/throughput.png)"
    yield ""
    yield f"![99th percentile over connections]({folder}/latency.png)"
    servers = losses.shown(summary)
    lost = {(OURS, one.model, one.cell): one.peer for one in losses.throughput(summary) if one.lost}
    for model in summary.models:
        for size in (1, 64):
            cells = [cell for cell in (*CELLS, CROWD) if cell[1] == size and cell in summary.cells(model)]
            if not cells:
                continue
            yield ""
            yield f"### {model}, {size_of(size)} a request"
            yield ""
            lines = []
            for name in servers:
                winners = (lost.get((name, model, cell)) for cell in cells)
                found = (_cell(summary, name, model, cell, to) for cell, to in zip(cells, winners, strict=True))
                lines.append([summary.title(name), *found])
            yield from rows(("", *(load(cell).partition(",")[0] for cell in cells)), lines)


def _cell(summary: Summary, server: str, model: str, cell: Cell, lost_to: str | None) -> str:
    answered, slowest = summary.of(server, model, cell, per_second), summary.of(server, model, cell, p99)
    if answered is None:
        return ""
    text = f"{spread(answered)}/s" + (f", p99 {short(slowest.median)} ms" if slowest else "")
    if failed := summary.failed(server, model, cell):
        text += f", **{failed:.1%} failed**"
    return f"{text}, **lost to {summary.title(lost_to)}**" if lost_to else text


def _open(summary: Summary) -> Iterator[str]:
    yield f"## Latency at {SHARE:.0%} load, open loop"
    yield ""
    yield (
        f"Each server gets {SHARE:.0%} of the requests/s that it answered with {load(BASIS)}, at random times,"
        f" regardless of its answers. The generator itself can send {summary.run.ceiling:,.0f} requests/s here. Its own"
        " lateness is given as a 99th percentile: without a free core, generator and server are both late."
    )
    for model in summary.models:
        yield ""
        yield f"### {model}"
        yield ""
        lines = []
        for server in losses.shown(summary):
            loads = summary.open_loads(server, model)
            if loads:
                lines.append([summary.title(server), *_open_line(loads)])
        yield from rows(("", "offered /s", "p50, ms", "p99, ms", "p99 over p50", "failed", "generator late, ms"), lines)


def _open_line(loads: Sequence[Load]) -> Iterator[str]:
    columns = (
        [load.offered or 0.0 for load in loads],
        [load.p50 for load in loads if load.answered],
        [load.p99 for load in loads if load.answered],
        [load.p99 / load.p50 for load in loads if load.p50],
    )
    for column in columns:
        found = figure(column)
        yield spread(found) if found else ""
    failed = max(load.failed_share for load in loads)
    yield f"{failed:.1%}" if failed else "0"
    late = figure(load.late or 0.0 for load in loads)
    yield short(late.median) if late else ""


def _left_out(summary: Summary) -> Iterator[str]:
    unstarted = [life for life in summary.run.lives if life.why]
    skipped = {(one.model, one.connections, one.rows): one.why for one in summary.run.skipped}
    absent = losses.absent(summary)
    if not (unstarted or skipped or absent):
        return
    yield "## Not measured"
    yield ""
    for (model, connections, size), why in sorted(skipped.items()):
        yield f"- {model}, {load((connections, size))}: {why}"
    for life in unstarted:
        yield f"- {summary.title(life.server)}, {life.model}: {life.why}"
    for title in absent:
        yield f"- {title}: took no part in this run"


def _method(summary: Summary) -> Iterator[str]:
    run = summary.run
    yield "## How it was measured"
    yield ""
    yield (
        f"`make bench` repeats it. Load generators: {run.tools['wrk']} (closed loop, one thread), and an open-loop"
        " one in `benchmarks/arrivals.py`: Debian has neither wrk2 nor oha, its `hey` paces a closed loop, and Locust"
        " cannot send thousands of requests/s on time. A warm-up precedes each load; answers are checked during it."
        " Requests differ and are written beforehand. In every server the model computes in ONNX Runtime, or in"
        " the engine that its version prefers on a CPU, with one thread in one process. Jubako runs all five models in"
        " every measurement, a peer only the measured one."
    )
    yield ""
    lines = (
        (
            summary.title(name),
            contestant.note,
            ", ".join(f"{key} {value}" for key, value in contestant.settings.items()) or "-",
            ", ".join(f"{package} {number}" for package, number in contestant.versions.items()),
        )
        for name, contestant in run.contestants.items()
    )
    yield "| server | how | tuned settings | versions |"
    yield "|---|---|---|---|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"
