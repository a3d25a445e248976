"""The text of ``docs/judge.md``. Every number in it comes from what the study kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.studies.judge_cells import Caught, FaultCell, Kept, upper_bound
from benchmarks.studies.judge_labels import MARGIN
from benchmarks.studies.judge_real_page import RealKept, real_rollouts
from benchmarks.studies.judge_rules import RULES
from benchmarks.studies.judge_streams import FAULTS, SCENARIOS
from benchmarks.table import rows, short
from jubako.rollout.evidence import BREAKER_REQUESTS, BREAKER_SECONDS, TOLERANCE
from jubako.rollout.judge import JudgeLimits

LIMITS = JudgeLimits()
JUDGE, *OTHERS = RULES


def write_page(kept: Kept, page: Path, real: RealKept | None = None) -> None:
    parts = [_head(), _identical(kept), _faults(kept), _others(kept), _labels(kept), _agreement(kept)]
    parts += [] if real is None else [real_rollouts(real)]
    parts.append(_assumed(kept))
    page.write_text("\n\n".join("\n".join(part) for part in parts) + "\n", encoding="utf-8")


def _head() -> Iterator[str]:
    yield "# How often the judge is wrong"
    yield ""
    yield "<!-- Made by `python -m benchmarks.studies.judge`; do not edit. -->"
    yield ""
    yield (
        "A rollout sends equal shares of the requests to the candidate (canary) and to the version in production"
        " (baseline). The judge compares them after every second: in how many seconds had the canary more failed"
        " requests than the baseline, in how many fewer; and so for requests slower than the old p50, p90 and"
        f" p99, where the canary may be {TOLERANCE - 1:.0%} slower. These counts, and labels where there are"
        f" any, make the evidence of harm. It rolls back at {LIMITS.harm:g}; the chance of that is at most"
        f" {1 / LIMITS.harm:.0%} a rollout for a candidate that is not worse, however often one looks. A"
        f" breaker rolls back sooner: when in {BREAKER_SECONDS} consecutive seconds more than half of the"
        f" canary's requests (at least {BREAKER_REQUESTS}) and fewer than 10% of the baseline's fail. The"
        " code is `jubako/rollout/judge.py`."
    )
    yield ""
    yield (
        "Steps: "
        + ", ".join(f"{share:.0%}" for share in LIMITS.shares if share)
        + f", each as short as the judge allows: {LIMITS.seconds} s and {LIMITS.requests:,} canary requests."
        " *Requests/s* are those of the whole service. The other rules read the same simulated counts:"
    )
    yield ""
    yield ("- **z-test, peeked**: two shares differ at 1% (one-sided, shared by four metrics), looked at every second.")
    yield "- **errors > 2% in a minute**: of the canary's last minute, with at least 20 requests in it."
    yield (
        "- **Kayenta-like**: every five minutes the Mann-Whitney test (0.5% a metric) on all minutes so far;"
        " one metric must be higher, and by more than a tenth."
    )


def _identical(kept: Kept) -> Iterator[str]:
    yield "## Identical versions that were rolled back"
    yield ""
    yield (
        f"{kept.identical[0].rollouts:,} whole rollouts a row, {FAULTS['none'].before:.1%} of requests fail"
        " in both arms. In brackets: with 95% confidence the true rate is at most so high (Clopper and Pearson)."
    )
    yield ""
    lines = []
    for cell in kept.identical:
        found = [cell.rolled_back[name] for name in (JUDGE, "breaker", *OTHERS)]
        told = [f"{count / cell.rollouts:.2%} ({upper_bound(count, cell.rollouts):.2%})" for count in found[:2]]
        told += [f"{count / cell.rollouts:.1%}" for count in found[2:]]
        lines.append((f"{cell.rate:,}, {cell.scenario}", *told))
    yield from rows(("requests/s, scenario", JUDGE, "its breaker alone", *OTHERS), lines)
    yield ""
    count, of = (
        sum(them) for them in zip(*((one.rolled_back[JUDGE], one.rollouts) for one in kept.identical), strict=True)
    )
    worst = max(kept.identical, key=lambda cell: cell.rolled_back[JUDGE])
    yield (
        f"All together: {count:,} of {of:,}, {count / of:.2%} (at most {upper_bound(count, of):.2%}). The"
        f" worst row: {worst.rate:,} requests/s, {worst.scenario}."
    )
    yield ""
    yield "Scenarios: " + "; ".join(f"*{name}*: {what}" for name, what in SCENARIOS.items()) + "."


def _faults(kept: Kept) -> Iterator[str]:
    yield "## Worse versions: how many are caught, and what they cost"
    yield ""
    yield (
        f"{kept.faults[0].rollouts:,} rollouts a row. *Caught* before the candidate has all traffic. Medians"
        " are those of all rollouts: a miss is later than everything, and a dash means that half or more are"
        " missed. *Bad answers* is the expected number of answers that failed or took longer than the old p99,"
        " and would not have without the fault; for missed candidates, until they had all traffic."
    )
    yield ""
    lines = ((_named(cell), *_costs(cell.caught[JUDGE], cell.rollouts)) for cell in kept.faults)
    yield from rows(("fault, requests/s", "caught", "seconds", "canary requests", "bad answers"), lines)
    missed = [cell for cell in kept.faults if cell.caught[JUDGE].caught < cell.rollouts]
    yield ""
    yield f"**Missed**: in {len(missed)} of {len(kept.faults)} rows some were, and would have got all traffic:"
    yield ""
    for cell in missed:
        count = cell.rollouts - cell.caught[JUDGE].caught
        yield f"- {_named(cell)}: {count:,} of {cell.rollouts:,} ({count / cell.rollouts:.1%})"
    yield ""
    yield (
        "A step is over after 2,000 canary requests, and a fault that makes one more request in a thousand"
        " bad shows two of them in that time. Longer steps (`seconds`, `requests`) find more and take longer."
        " Quality does not enter here: it is judged by labels, below."
    )


def _named(cell: FaultCell) -> str:
    return f"{cell.fault}, {cell.rate:,}"


def _costs(found: Caught, rollouts: int) -> tuple[str, ...]:
    medians = (f"{value:,.0f}" if value is not None else "-" for value in (found.seconds, found.requests))
    return f"{found.caught / rollouts:.1%}", *medians, short(found.bad)


def _others(kept: Kept) -> Iterator[str]:
    yield "## The same faults under other rules"
    yield ""
    yield (
        "Share caught, and the median in seconds. Read it beside the first table: a rule that rolls back identical"
        " versions also rolls back worse ones early. At"
        " 10 requests/s the judge is slower in all but total failures: it compares seconds, and few differ."
    )
    yield ""
    lines = []
    for cell in kept.faults:
        told = []
        for name in RULES:
            caught, seconds, *_ = _costs(cell.caught[name], cell.rollouts)
            told.append(f"{caught}, {seconds}")
        lines.append((_named(cell), *told))
    yield from rows(("fault, requests/s", *RULES), lines)


def _labels(kept: Kept) -> Iterator[str]:
    yield "## With labels: promoted, rolled back, inconclusive"
    yield ""
    yield (
        f"{kept.labels[0].rollouts:,} rollouts a row, margin {MARGIN:.0%}. *Differ*: the share of rows on"
        " which exactly one of the versions is wrong. A version worse by exactly the margin is promoted in at most"
        f" {1 / LIMITS.no_harm:.0%} of rollouts. Without a decision after 20 r / m² labelled rows (r: rows"
        " that differ, m: margin) the rollout is inconclusive: it pauses, and a person decides."
    )
    yield ""
    lines = (
        (
            f"{f'worse by {cell.worse:.0%}' if cell.worse else 'equally good'}, {cell.differ:.0%} differ",
            _bounded(cell.promoted, cell.rollouts, cell.worse >= MARGIN),
            f"{cell.rolled_back / cell.rollouts:.1%}",
            f"{cell.inconclusive / cell.rollouts:.1%}",
            _or_dash(cell.median_rows),
            f"{cell.limit:,.0f}",
        )
        for cell in kept.labels
    )
    yield from rows(("candidate", "promoted", "rolled back", "inconclusive", "median rows", "limit"), lines)


def _or_dash(rows: float | None) -> str:
    return "-" if rows is None else f"{rows:,.0f}"


def _bounded(count: int, of: int, is_wrong: bool) -> str:
    """A bound stands where a promotion is a mistake."""
    return f"{count / of:.1%}" + (f" (at most {upper_bound(count, of):.1%})" if is_wrong else "")


def _agreement(kept: Kept) -> Iterator[str]:
    yield "## Without labels: promoted because the versions hardly differ"
    yield ""
    yield (
        "Accuracies cannot differ by more than the share of rows on which the versions answer differently. Where that"
        f" share is shown to be below the margin ({MARGIN:.0%}), the candidate may be promoted unlabelled. A"
        " larger share only asks for labels: a better version differs too."
    )
    yield ""
    lines = (
        (
            f"{cell.disagree:.2%}",
            _bounded(cell.promoted, cell.rollouts, cell.disagree >= MARGIN),
            _or_dash(cell.median_rows),
        )
        for cell in kept.agreement
    )
    yield from rows(("rows answered differently", "promoted within 42,000 rows", "median rows"), lines)


def _assumed(kept: Kept) -> Iterator[str]:
    yield "## What is assumed, and what is not shown"
    yield ""
    yield (
        "- Requests are split at random, one by one. Split by client, identical versions differ: never judge"
        " such a split."
    )
    yield (
        "- Both arms have equal shares and runners of the same kind and age. A candidate that is still"
        " warming up is slower."
    )
    yield (
        "- The bound counts on seconds in which either arm is equally likely to do worse, not on independent ones: a"
        " fault of one arm's host that lasts for minutes is blamed on its version."
    )
    yield "- The breaker is outside of the bound: its column above is what it adds."
    yield "- Thresholds are the true quantiles here; a service measures them before the rollout."
    yield (
        "- Latencies are lognormal with a Pareto tail: p50 8 ms, p99 39 ms. Arrivals are Poisson, and in"
        " waves where it says so."
    )
    yield "- A rollout that shows no harm is taken as promoted after the last step; waiting for labels finds more."
    yield (
        "- Labels come in random order and are right. Here the judge looks every 2 to 20 rows; a look after"
        " every row decides slightly more often, either way."
    )
    yield ""
    yield (
        f"`python -m benchmarks.studies.judge` simulates it again (seed {kept.seed}). Last measured: {kept.measured},"
        f" {kept.minutes:.0f} minutes."
    )
