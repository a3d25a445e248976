"""The part of ``docs/judge.md`` about real rollouts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from pydantic import BaseModel

from benchmarks.studies.judge_cells import upper_bound
from benchmarks.table import rows

TITLES = {
    "some fail": "1% of requests fail",
    "slower": "each batch takes 20 ms longer",
    "raise": "all requests fail",
}


class Ended(BaseModel):
    """One rollout that has ended."""

    model: str
    fault: str
    stalls: bool
    status: str
    why: str
    seconds: float
    requests: int
    """The canary's."""
    failed: int
    harm: float
    """The largest that was seen."""
    bad: int = 0
    """Answers to callers that were wrong or errors."""


class RealKept(BaseModel):
    measured: str = ""
    seconds: int = 0
    requests: int = 0
    identical: list[Ended] = []
    faulty: list[Ended] = []


def real_rollouts(kept: RealKept) -> Iterator[str]:
    yield "## Real rollouts"
    yield ""
    yield (
        "Of the collection's table models under load, three at a time on a machine of two cores that others used as"
        f" well, in steps of {kept.seconds} s and {kept.requests} canary requests: faster than the judge's own, so the"
        " bound above is not proved for them. Identical versions, rolled out against each other; with *stalls*, some"
        " process of the service stands still for 0.1 to 0.6 s again and again."
    )
    yield ""
    lines = []
    for title, found in (
        ("quiet", [one for one in kept.identical if not one.stalls]),
        ("stalls", [one for one in kept.identical if one.stalls]),
        ("together", kept.identical),
    ):
        lines.append(_identical(title, found))
    heads = ("", "rollouts", "rolled back (at most)", "promoted", "canary requests", "largest harm", "median seconds")
    yield from rows(heads, lines)
    yield ""
    yield "Candidates with a fault, from the 5% step on (a tiny model, about 600 requests/s):"
    yield ""
    faults = [
        (TITLES[fault], *_caught([one for one in kept.faulty if one.fault == fault]))
        for fault in dict.fromkeys(one.fault for one in kept.faulty)
    ]
    yield from rows(("fault", "rolled back", "median seconds", "canary requests", "bad answers to callers"), faults)
    yield ""
    yield (
        "No caller got a bad answer: what an arm fails, production answers."
        if not sum(one.bad for one in kept.faulty)
        else "What an arm fails, production answers."
    )
    yield ""
    yield f"`python -m benchmarks.studies.judge_real` measures it again. Last measured: {kept.measured}."


def _identical(title: str, found: Sequence[Ended]) -> tuple[str, ...]:
    back = sum(one.status == "rolled_back" for one in found)
    promoted = sum(one.status == "promoted" for one in found)
    bound = upper_bound(back, len(found)) if found else 1.0
    return (
        title,
        f"{len(found)}",
        f"{back} ({bound:.1%})",
        f"{promoted}",
        f"{sum(one.requests for one in found):,}",
        f"{max((one.harm for one in found), default=0.0):.1f}",
        f"{median(one.seconds for one in found):.0f}" if found else "",
    )


def _caught(found: Sequence[Ended]) -> tuple[str, ...]:
    return (
        f"{sum(one.status == 'rolled_back' for one in found)} of {len(found)}",
        f"{median(one.seconds for one in found):.0f}",
        f"{median(one.requests for one in found):,.0f}",
        f"{sum(one.bad for one in found)}",
    )
