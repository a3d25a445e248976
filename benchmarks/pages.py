"""The words of ``docs/benchmarks.md``. Every number in them comes from the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import card, losses
from benchmarks.aims import aims
from benchmarks.host import STOLEN, TRIES
from benchmarks.markdown import load, rows, size_of
from benchmarks.plan import BASIS, CELLS, CROWD, SHARE, Cell
from benchmarks.results import Load, Run
from benchmarks.sides import costs, documented, lives, survival, variants
from benchmarks.summary import Summary, figure, p99, per_second
from benchmarks.table import short, spread


def page(summary: Summary, folder: str, gpu: card.Found | None = None) -> str:
    parts = (
        _head(summary),
        _aims(summary),
        _wins_and_losses(summary),
        _loads(summary, folder),
        _open(summary),
        survival(summary),
        costs(summary, folder),
        lives(summary),
        variants(summary),
        documented(summary),
        card.section(gpu, folder) if gpu else (),
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
        f"{_runs(run)}, {run.started}, {run.minutes:,.0f} minutes: {run.rounds} rounds in which every server"
        " took its turn with the same models, files and questions. Numbers are medians of the rounds, with the lowest"
        " and the highest beside them; ratios are made within a round. Servers and load generator share one machine:"
        f" {machine.processor}, {machine.cores} cores, {machine.memory_gigabytes:g} GB, {machine.system}. Compare the"
        " numbers of a run with each other, and with no other machine's."
    )
    stolen = figure(load.stolen for load in run.loads)
    if stolen and stolen.high > 0:
        yield ""
        yield (
            f"The machine is a virtual one, whose host took {stolen.median:.1%} of its processors' time in the median"
            f" load and {stolen.high:.0%} in the worst. A load from which more than {STOLEN:.0%} was taken was measured"
            f" up to {TRIES} times, and the least disturbed one counts, whatever it showed."
        )
    if missing := run.missing():
        told = ", ".join(f"{count} with {model}" for model, count in missing.items())
        yield ""
        yield f"**Not whole:** the run was ended before some servers' last turns ({told}): those have fewer rounds."
    if machine.load_before > 0.5:
        yield ""
        yield f"**Something else was running too:** the load average was {machine.load_before:g} before the run began."


def _runs(run: Run) -> str:
    many = f"{run.runs} runs of `make bench`, each with models of its own"
    said = many if run.runs > 1 else "One run of `make bench`"
    times = {0: "", 1: ", broken off once and gone on with"}.get(run.resumed, f", gone on with {run.resumed} times")
    return said + times


def _aims(summary: Summary) -> Iterator[str]:
    found = aims(summary)
    yield f"## Aims: {sum(aim.met for aim in found)} of {len(found)} met"
    yield ""
    lines = ((aim.what, aim.wanted, aim.found, "met" if aim.met else "**missed**") for aim in found)
    yield from rows(("aim", "wanted", "found", ""), lines)
    if not all(aim.met for aim in found):
        yield ""
        yield "What holds it where an aim is missed, and what was tried, stands in [limits.md](limits.md)."


def _wins_and_losses(summary: Summary) -> Iterator[str]:
    beside = losses.throughput(summary)
    won = [one for one in beside if one.ratio.median >= 1]
    lost = [one for one in beside if one.ratio.median < 1]
    yield "## Where Jubako wins, and where it loses"
    yield ""
    yield (
        f"In {len(won)} of {len(beside)} loads Jubako answered more requests a second than every peer; in {len(lost)}"
        " some peer answered more. Those, with the best peer of each:"
    )
    yield ""
    lines = (
        (one.model, load(one.cell), summary.title(one.peer), spread(one.ratio))
        for one in sorted(lost, key=lambda one: one.ratio.median)
    )
    yield from rows(("model", "load", "better there", "Jubako answered so much of it"), lines)
    yield ""
    yield "One caller at a time, one row: how long Jubako takes beside the quickest peer (above 1 is slower)."
    yield ""
    single = ((one.model, summary.title(one.peer), spread(one.ratio)) for one in losses.single(summary))
    yield from rows(("model", "quickest peer", "Jubako's p50 over its"), single)
    wrong = [(summary.title(server), *summary.wrong(server)) for server in summary.servers]
    yield ""
    yield (
        f"Of {sum(checked for *_, checked in wrong):,} answers that were compared with the bare model's while the"
        " servers were under load, "
        + (", ".join(f"{bad} of {title}'s were wrong" for title, bad, _ in wrong if bad) or "none was wrong")
        + "."
    )


def _loads(summary: Summary, folder: str) -> Iterator[str]:
    yield "## Throughput and latency, closed loop"
    yield ""
    yield (
        "Each connection asks again as soon as it has its answer. Requests answered well in a second, and the 99th"
        " percentile of all answers' times. Requests that failed are counted, and never as answered."
    )
    yield ""
    yield f"![Answered requests a second over connections]({folder}/throughput.svg)"
    yield ""
    yield f"![99th percentile over connections]({folder}/latency.svg)"
    servers = losses.shown(summary)
    for model in summary.models:
        for size in (1, 64):
            cells = [cell for cell in (*CELLS, CROWD) if cell[1] == size and cell in summary.cells(model)]
            if not cells:
                continue
            yield ""
            yield f"### {model}, {size_of(size)} a request"
            yield ""
            lines = ([summary.title(name), *(_cell(summary, name, model, cell) for cell in cells)] for name in servers)
            yield from rows(("", *(load(cell).partition(",")[0] for cell in cells)), lines)


def _cell(summary: Summary, server: str, model: str, cell: Cell) -> str:
    answered, slowest = summary.of(server, model, cell, per_second), summary.of(server, model, cell, p99)
    if answered is None:
        return ""
    text = f"{spread(answered)}/s" + (f", p99 {short(slowest.median)} ms" if slowest else "")
    failed = summary.failed(server, model, cell)
    return f"{text}, **{failed:.1%} failed**" if failed else text


def _open(summary: Summary) -> Iterator[str]:
    yield f"## Latency at {SHARE:.0%} load, open loop"
    yield ""
    yield (
        f"Each server is offered {SHARE:.0%} of what it answered with {load(BASIS)}, at random times, whatever becomes"
        f" of it. The generator itself can do {summary.run.ceiling:,.0f} requests/s here. How late it was is its own"
        " 99th percentile, which no server is to blame for: a machine without a free core makes both late."
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
    if not (unstarted or skipped):
        return
    yield "## Not measured"
    yield ""
    for (model, connections, size), why in sorted(skipped.items()):
        yield f"- {model}, {load((connections, size))}: {why}"
    for life in unstarted:
        yield f"- {summary.title(life.server)}, {life.model}: {life.why}"


def _method(summary: Summary) -> Iterator[str]:
    run = summary.run
    yield "## How it was measured"
    yield ""
    yield (
        f"`make bench` does it again. Load generators: {run.tools['wrk']} (closed loop, one thread), and an open-loop"
        " one in `benchmarks/arrivals.py`. Each load is preceded by a warming one, during which answers are checked."
        " Requests differ from each other and were written beforehand. In every server the model computes in ONNX"
        " Runtime, or in what its version prefers on a CPU, with one thread and in one process. Jubako runs all five"
        " models in every measurement; a peer runs only the one that is measured."
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
