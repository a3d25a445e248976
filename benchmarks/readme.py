"""The numbers in ``README.md``: one load of every server, and the loads that Jubako loses. Made from the kept run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks import losses
from benchmarks.aims import BUSY, OURS
from benchmarks.summary import Summary, p99, per_second
from benchmarks.table import rows, short

START, END = "<!-- Made by `python -m benchmarks.report` from a run; do not edit. -->", "<!-- The run ends here. -->"
MODEL = "iris"


def put(readme: str, summary: Summary) -> str:
    """The text with the numbers of this run between its two marks."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return "\n".join((before + START, "", *_table(summary), "", *_lost(summary), "", END + after))


def _table(summary: Summary) -> Iterator[str]:
    answered = {
        server: found for server in losses.shown(summary) if (found := summary.of(server, MODEL, BUSY, per_second))
    }
    lines = []
    for server in sorted(answered, key=lambda server: -answered[server].median):
        slow = summary.of(server, MODEL, BUSY, p99)
        line = [summary.title(server), short(answered[server].median), f"{short(slow.median)} ms" if slow else "-"]
        failed = summary.failed(server, MODEL, BUSY)
        lines.append([*line, f"{failed:.1%}" if failed else "0", _outcome(summary, server)])
    yield from rows(("", "answered requests/s", "p99", "failed", "Jubako's requests/s over its"), lines)


def _outcome(summary: Summary, server: str) -> str:
    ratio = None if server == OURS else summary.ratio(OURS, server, MODEL, BUSY)
    if ratio is None:
        return ""
    return f"{short(ratio.median)}, {'won' if ratio.median >= 1 else '**lost**'}"


def _lost(summary: Summary) -> Iterator[str]:
    beside = losses.throughput(summary)
    lost = [one for one in beside if one.lost]
    yield f"Jubako loses {len(lost)} of the {len(beside)} loads of that run: a peer answers more requests a second."
    for peer, count in Counter(one.peer for one in lost).most_common():
        models = Counter(one.model for one in lost if one.peer == peer)
        each = ", ".join(f"{model} {number}" for model, number in models.items())
        yield f"It loses {count} to {summary.title(peer)} ({each})."
    if absent := losses.absent(summary):
        yield f"Not in that run: {', '.join(absent)}."
