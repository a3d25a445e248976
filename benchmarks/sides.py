"""The smaller sections of the page: share of the bare model, cost, start and memory, first-page setups."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import losses
from benchmarks.aims import OURS
from benchmarks.plan import BASIS, FEW
from benchmarks.results import Bare, Life, Load
from benchmarks.summary import Summary, figure, p50, p99, per_second
from benchmarks.table import load, rows, short, size_of, spread


def survival(summary: Summary) -> Iterator[str]:
    yield "## Share of the bare model's throughput"
    yield ""
    yield (
        "Jubako's best rows/s over those of the model alone in a process with one thread: computing only, from rows"
        " to answers (which includes the decoding of pictures), and from request body to answer body. The gateway does"
        " the last two in a second process, so more than 100% is possible there."
    )
    yield ""
    lines = []
    for model in summary.models:
        for size in (1, 64):
            cells = [cell for cell in summary.cells(model) if cell[1] == size]
            line = [f"{model}, {size_of(size)} a request"]
            for best in _bests(size):
                bare = figure(summary.bare(model, best).values())
                found = summary.survives(OURS, model, cells, best)
                line.append(f"{found.median:.0%} of {short(bare.median)}" if found and bare else "")
            lines.append(line)
    yield from rows(("", "computing", "rows to answers", "body to body"), lines)


def _bests(size: int) -> tuple[Callable[[Bare], float], ...]:
    return (
        lambda bare: bare.best,
        lambda bare: max(bare.encode.values()),
        lambda bare: bare.whole[size],
    )


def costs(summary: Summary, folder: str) -> Iterator[str]:
    yield "## Cost of a million predictions"
    yield ""
    yield (
        f"Processor seconds of all processes of a server for a million predictions: with one row a request and"
        f" {BASIS[0]} connections, and in requests of 64 rows."
    )
    yield ""
    yield f"![Processor seconds for a million predictions]({folder}/cost.png)"
    yield ""
    lines = []
    for server in losses.shown(summary):
        line = [summary.title(server)]
        for model in summary.models:
            found = (summary.of(server, model, cell, _cost) for cell in (BASIS, (16, 64)))
            line.append(" / ".join(short(one.median) if one else "-" for one in found))
        lines.append(line)
    yield from rows(("", *(f"{model}, 1 / 64 rows" for model in summary.models)), lines)


def _cost(load: Load) -> float | None:
    return load.cpu_seconds_per_million if load.answered else None


def lives(summary: Summary) -> Iterator[str]:
    yield "## Start and memory"
    yield ""
    yield (
        "From the command to the first right answer, and the memory of all processes after the loads (PSS: shared"
        " pages count once). Jubako starts five models, each peer one."
    )
    yield ""
    lines = []
    for server in losses.shown(summary):
        mine = [life for life in summary.run.lives if life.server == server and life.why is None]
        if mine:
            lines.append([summary.title(server), *(_spread(mine, get) for get in (_start, _memory, _processes))])
    yield from rows(("", "start, s", "memory, MB", "processes"), lines)


def _spread(lives: list[Life], get: Callable[[Life], float]) -> str:
    found = figure(map(get, lives))
    return spread(found) if found else ""


def _start(life: Life) -> float:
    return life.start_seconds


def _memory(life: Life) -> float:
    return life.memory


def _processes(life: Life) -> float:
    return life.processes


def documented(summary: Summary) -> Iterator[str]:
    there = [name for name, one in summary.run.contestants.items() if one.documented]
    if not there:
        return
    yield "## Peers as their documentation introduces them"
    yield ""
    yield (
        "The iris forest again, with peers set up like the first example of their documentation: scikit-learn"
        " computes, and requests are batched only where that example batches. One row a request."
    )
    yield ""
    lines = []
    for server in [*(name for name in summary.servers if name == OURS), *there]:
        line = [summary.title(server).removesuffix(", first pages")]
        for cell in FEW:
            answered = summary.of(server, "iris", cell, per_second)
            slow = summary.of(server, "iris", cell, p99)
            middle = summary.of(server, "iris", cell, p50)
            failed = summary.failed(server, "iris", cell)
            text = f"{spread(answered)}/s" if answered else ""
            text += f", p50 {short(middle.median)}, p99 {short(slow.median)} ms" if middle and slow else ""
            line.append(f"{text}, **{failed:.1%} failed**" if failed else text)
        lines.append(line)
    yield from rows(("", *(load(cell) for cell in FEW)), lines)
