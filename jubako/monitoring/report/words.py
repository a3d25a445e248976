"""NumberSummary and verdicts in words, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from jubako.monitoring.drift.verdict import State
from jubako.monitoring.report.report import AccountingReport, ColumnReport, MeasureReport, WindowReport

NOTHING = "\u2013"
STATES = {
    "drifted": "drifted",
    "stable": "stable",
    "not enough": "not enough rows",
    "no reference": "no reference",
}
STATISTICS = {
    "ks": "Kolmogorov-Smirnov",
    "shift": "shift",
    "psi": "PSI",
    "hellinger": "Hellinger",
    "chi_square": "chi-square",
    "category": "category ratio",
    "surge": "more often than before",
    "missing": "missing, more than before",
    "invalid": "invalid, more than before",
}


def number(value: float | None) -> str:
    """
    >>> [number(value) for value in (0.12345, 45908.48, 3.0, 1234567.0, 0.00001)]
    ['0.123', '45,908', '3', '1,234,567', '1e-05']
    """
    if value is None:
        return NOTHING
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(part: float, whole: float) -> str:
    """
    >>> share(1, 400), share(0, 5), share(3, 0) == NOTHING
    ('0.25 %', '0 %', True)
    """
    return f"{100 * part / whole:.2g} %" if whole else NOTHING


def moment(at: float | None, day: bool = True) -> str:
    """
    >>> moment(1795236300.0), moment(1795236300.0, day=False)
    ('2026-11-21 04:45 UTC', '04:45')
    """
    if at is None:
        return NOTHING
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC" if day else "%H:%M")


def period(start: float | None, end: float | None) -> tuple[str, str]:
    """Two moments; a day that both share is written once.

    >>> period(1795236300.0, 1795239900.0), period(1795236300.0, 1795322700.0)
    (('2026-11-21 04:45', '05:45 UTC'), ('2026-11-21 04:45 UTC', '2026-11-22 04:45 UTC'))
    """
    first, last = moment(start), moment(end)
    same = first[:10] == last[:10] and NOTHING not in (first, last)
    return (first.removesuffix(" UTC"), last[11:]) if same else (first, last)


def ends(low: float | None, high: float | None) -> tuple[str, str]:
    """Both ends of an axis, with as many digits as tell them apart; one when they are equal.

    >>> ends(0.99991, 0.99998), ends(2, 4.4), ends(0, 0)
    (('0.9999', '1'), ('2', '4.4'), ('0', ''))
    """
    if low is None or high is None or low == high:
        return number(low), ""
    first, last, digits = number(low), number(high), 3
    while first == last:
        digits += 1
        first, last = f"{low:,.{digits}g}", f"{high:,.{digits}g}"
    return first, last


def listed(items: Sequence[str]) -> str:
    """
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join((", ".join(items[:-1]), items[-1]) if len(items) > 1 else items)


def plural(count: float, noun: str) -> str:
    """
    >>> plural(1, "row"), plural(2_000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def headline(state: State, columns: Sequence[ColumnReport], window: WindowReport) -> str:
    """What to know first, in one sentence."""
    drifted = [column.column for column in columns if column.state == "drifted"]
    if state == "drifted":
        count = f"{len(drifted)} of {len(columns)} columns have" if len(drifted) > 1 else "One column has"
        return f"{count} drifted: {listed(drifted)}."
    if state == "stable":
        return f"No drift in any of {len(columns)} columns."
    if state == "not enough":
        return f"Not enough rows to compare: {window.rows:,} of {window.needed:,}."
    return "Nothing to compare with: no version with a reference was found."


def basis(version: str | None, columns: Sequence[ColumnReport], window: WindowReport) -> str:
    """What was compared with what."""
    if not window.rows:
        return "No rows were profiled in the last 24 hours."
    reference = max((column.reference.rows for column in columns if column.reference), default=0)
    start, end = period(window.start, window.end)
    rows = f"{window.rows:,} rows answered from {start} to {end} by version {version}"
    return f"{rows}, compared with {reference:,} rows of its training." if reference else f"{rows}."


def quality_summary(
    metric: str, truths: int, needed: int, *, live: float | None, trained: float | None, limit: float | None
) -> str:
    """
    >>> quality_summary("r2", 320, 200, live=0.61, trained=0.82, limit=0.05)
    'r2 is 0.61 on 320 live truths; it was 0.82 in training, and 0.05 less is tolerated.'
    """
    if trained is None:
        return f"{plural(truths, 'live truth')}; {metric} in training is not known."
    if live is None or limit is None:
        return f"Not enough live truths to judge {metric}: {truths:,} of {needed:,}."
    less = "more" if live > trained else "less"
    tolerated = f", and {number(limit)} {less} is tolerated" if abs(live - trained) >= limit else ""
    told = f"{metric} is {number(live)} on {plural(truths, 'live truth')}"
    return f"{told}; it was {number(trained)} in training{tolerated}."


def reason(column: ColumnReport) -> str:
    """Why a column has drifted, in words; empty when it has not."""
    found = next((measure for measure in column.measures if measure.statistic == column.why), None)
    return _reason(column, found) if found else ""


def _reason(column: ColumnReport, found: MeasureReport) -> str:
    if found.statistic == "missing":
        return f"{found.value:.1%} more values are missing than before"
    if found.statistic == "invalid":
        return f"{found.value:.1%} more values are outside the card's limits than before"
    if found.statistic in ("category", "surge"):
        return _category(column) if found.statistic == "category" else _surge(column)
    before, after = column.reference, column.live
    if before and after and before.mean is not None and after.mean is not None and before.deviation:
        moved = (after.mean - before.mean) / before.deviation
        if abs(moved) >= 0.2:
            direction = "higher" if moved > 0 else "lower"
            return f"its mean is {abs(moved):.1f} standard deviations {direction}"
    if column.kind == "category":
        return _category(column)
    limit = f", over the limit of {number(found.limit)}" if found.limit else ""
    return f"its distribution has another shape: {STATISTICS[found.statistic]} is {number(found.value)}{limit}"


def _category(column: ColumnReport) -> str:
    bar = max(column.bars, key=lambda bar: abs((bar.live or 0) - (bar.reference or 0)))
    return f"“{bar.label}” went from {bar.reference or 0:.1%} to {bar.live or 0:.1%}"


def _surge(column: ColumnReport) -> str:
    return f"words that are new or far more frequent: {listed([f'“{bar.label}”' for bar in column.bars])}"


def balance(account: AccountingReport) -> str:
    """The accounting as an equation."""
    parts = [f"{account.profiled:,} profiled", f"{account.dropped:,} dropped", f"{account.pending:,} pending"]
    if account.killed:
        parts.append(f"{account.killed:,} lost with a killed process")
    return f"{account.received:,} rows received = {' + '.join(parts)}"
