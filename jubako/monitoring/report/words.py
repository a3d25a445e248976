"""Numbers and verdicts in words, the same in the terminal and on the page."""

from __future__ import annotations

from datetime import UTC, datetime

from jubako.monitoring.report.report import ColumnReport, Facts, MeasureReport, MonitoringReport

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
    """Two moments; a day that both have is said once.

    >>> period(1795236300.0, 1795239900.0), period(1795236300.0, 1795322700.0)
    (('2026-11-21 04:45', '05:45 UTC'), ('2026-11-21 04:45 UTC', '2026-11-22 04:45 UTC'))
    """
    first, last = moment(start), moment(end)
    same = first[:10] == last[:10] and NOTHING not in (first, last)
    return (first.removesuffix(" UTC"), last[11:]) if same else (first, last)


def ends(low: float | None, high: float | None) -> tuple[str, str]:
    """Both ends of an axis, with as many digits as it takes to tell them apart; one when they are equal.

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


def headline(report: MonitoringReport) -> str:
    """What somebody should know first, in one sentence."""
    drifted = [column for column in report.columns if column.state == "drifted"]
    if report.state == "drifted":
        count = f"{len(drifted)} of {len(report.columns)} columns have" if len(drifted) > 1 else "One column has"
        return f"{count} drifted: {', '.join(column.column for column in drifted)}."
    if report.state == "stable":
        return f"No drift in any of {len(report.columns)} columns."
    if report.state == "not enough":
        return f"Not enough rows to say anything: {report.window.rows:,} of the {report.window.needed:,} that it takes."
    return "Nothing to compare with: no version with a reference was found."


def basis(report: MonitoringReport) -> str:
    """What was compared with what."""
    window, reference = report.window, max((side.rows for side in _references(report)), default=0)
    if not window.rows:
        return "No rows were profiled in the last 24 hours."
    start, end = period(window.start, window.end)
    rows = f"{window.rows:,} rows answered from {start} to {end}"
    return (
        f"{rows} by version {report.version}, beside {reference:,} rows of its training." if reference else f"{rows}."
    )


def reason(column: ColumnReport) -> str:
    """Why a column alarms, in words; empty when it does not."""
    found = next((measure for measure in column.measures if measure.statistic == column.why), None)
    return _reason(column, found) if found else ""


def _reason(column: ColumnReport, found: MeasureReport) -> str:
    if found.statistic == "missing":
        return f"{found.value:.1%} more values are missing than before"
    if found.statistic == "invalid":
        return f"{found.value:.1%} more values are outside of the card than before"
    if found.statistic == "category":
        bar = max(column.bars, key=lambda bar: abs((bar.live or 0) - (bar.reference or 0)))
        return f"“{bar.label}” went from {bar.reference or 0:.1%} to {bar.live or 0:.1%}"
    before, after = column.reference, column.live
    if before and after and before.mean is not None and after.mean is not None and before.deviation:
        moved = (after.mean - before.mean) / before.deviation
        if abs(moved) >= 0.2:
            direction = "higher" if moved > 0 else "lower"
            return f"its mean is {abs(moved):.1f} standard deviations {direction}"
    if column.kind == "category":
        bar = max(column.bars, key=lambda bar: abs((bar.live or 0) - (bar.reference or 0)))
        return f"“{bar.label}” went from {bar.reference or 0:.1%} to {bar.live or 0:.1%}"
    limit = f" over the limit of {number(found.limit)}" if found.limit else ""
    return f"its distribution has another shape: {STATISTICS[found.statistic]} is {number(found.value)},{limit}"


def balance(report: MonitoringReport) -> str:
    """The accounting as the equation that it is."""
    account = report.accounting
    parts = [f"{account.profiled:,} profiled", f"{account.dropped:,} dropped", f"{account.pending:,} pending"]
    if account.killed:
        parts.append(f"{account.killed:,} lost when a process was killed")
    return f"{account.received:,} rows received = {' + '.join(parts)}"


def _references(report: MonitoringReport) -> list[Facts]:
    return [column.reference for column in report.columns if column.reference]
