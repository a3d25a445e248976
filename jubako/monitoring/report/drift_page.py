"""Reports as one HTML page that needs nothing else: no network, no script. Jinja escapes every text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jubako.monitoring.report import words
from jubako.monitoring.report.report import ColumnReport, ColumnSummary, MonitoringReport

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent / "page"
WIDTH, HEIGHT = 320.0, 88.0
MOST_CATEGORIES = 8

Side = Literal["reference", "live"]

LINES: dict[str, Callable[[ColumnSummary], str]] = {
    "rows": lambda side: f"{side.rows:,}",
    "mean": lambda side: words.number(side.mean),
    "deviation": lambda side: words.number(side.deviation),
    "least": lambda side: words.number(side.least),
    "most": lambda side: words.number(side.most),
    "missing": lambda side: words.share(side.missing, side.rows),
    "invalid": lambda side: words.share(side.invalid, side.rows),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a column's history, as wide as the time that it covers; a gap has no text."""

    shade: str
    seconds: str
    told: str = ""


def drift_page(reports: Sequence[MonitoringReport]) -> str:
    made = max((report.generated_at for report in reports), default=None)
    return _template().render(reports=reports, made=made)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader

    jinja = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.globals.update(
        css=(FOLDER / "drift.css").read_text(),
        statistics=words.STATISTICS,
        nothing=words.NOTHING,
        most_categories=MOST_CATEGORIES,
    )
    jinja.filters.update(
        number=words.number,
        moment=words.moment,
        clock=lambda at: words.moment(at, day=False),
        period=_period,
        feedback=_feedback,
        shade=lambda column: "drifted" if column.state == "drifted" else "quiet",
        area=lambda column, side: steps(_shares(column, side), closed=True),
        outline=lambda column, side: steps(_shares(column, side), closed=False),
        ends=lambda column: words.ends(column.bars[0].low, column.bars[-1].high),
        categories=lambda column: list(_categories(column)),
        sides=_sides,
        lines=lambda column: list(_lines(column)),
        cells=lambda report, column: list(_cells(report, column)),
        cell_length=_cell_length,
    )
    return jinja.get_template("drift.html")


def _period(report: MonitoringReport) -> tuple[str, str]:
    first, last = report.history[0], report.history[-1]
    return words.period(first.start, min(last.end, report.generated_at))


def _feedback(report: MonitoringReport) -> str:
    told = [f"{count:,} {outcome}" for outcome, count in report.feedback.items() if count]
    return words.listed(told) if told else ""


def _shares(column: ColumnReport, side: Side) -> list[float]:
    """In units of the tallest bar of both sides; empty when this side is not known."""
    top = max((share for bar in column.bars for share in (bar.reference, bar.live) if share is not None), default=0.0)
    shares = [getattr(bar, side) for bar in column.bars]
    return [(share or 0.0) / top for share in shares] if top and any(share is not None for share in shares) else []


def steps(shares: Sequence[float], closed: bool) -> str:
    """Bins as a path of SVG: an outline, or a closed area.

    >>> steps([0.5, 1.0], closed=False)
    'M0 45V45H160V2H320'
    """
    if not shares:
        return ""
    width = WIDTH / len(shares)
    levels = [HEIGHT - share * (HEIGHT - 2) for share in shares]
    start = f"M0 {HEIGHT:g}" if closed else f"M0 {levels[0]:.4g}"
    path = start + "".join(f"V{level:.4g}H{(place + 1) * width:.4g}" for place, level in enumerate(levels))
    return f"{path}V{HEIGHT:g}Z" if closed else path


def _categories(column: ColumnReport) -> Iterator[tuple[str, str, str, str]]:
    """The most frequent categories in their own order: name, width of both bars, live share."""
    bars = sorted(column.bars, key=lambda bar: -max(bar.reference or 0, bar.live or 0))[:MOST_CATEGORIES]
    top = max((share for bar in bars for share in (bar.reference, bar.live) if share), default=0.0) or 1.0
    for bar in (bar for bar in column.bars if bar in bars):
        share = words.NOTHING if bar.live is None else f"{bar.live:.0%}" if bar.live >= 0.1 else f"{bar.live:.1%}"
        yield bar.label, f"{100 * (bar.reference or 0) / top:.2f}", f"{100 * (bar.live or 0) / top:.2f}", share


def _sides(column: ColumnReport) -> list[tuple[str, ColumnSummary]]:
    return [(name, side) for name, side in (("training", column.reference), ("live", column.live)) if side]


def _lines(column: ColumnReport) -> Iterator[tuple[str, list[str]]]:
    for label, line in LINES.items():
        cells = [line(side) for _, side in _sides(column)]
        if any(cell != words.NOTHING for cell in cells):
            yield label, cells


def _cells(report: MonitoringReport, column: str) -> Iterator[Cell]:
    """Darker with the score, coloured from 1 on, with gaps where nothing was answered."""
    last = report.history[0].start
    for point in report.history:
        if point.start > last:
            yield Cell("g", f"{point.start - last:g}")
        last = point.end
        score = point.scores.get(column)
        said = "not enough rows" if score is None else f"score {score:.2f}"
        yield Cell(
            shade(score), f"{point.end - point.start:g}", f"{words.moment(point.start)}: {said}, {point.rows:,} rows"
        )


def shade(score: float | None) -> str:
    """
    >>> [shade(score) for score in (None, 0.2, 0.7, 1.0, 2.5, 9.0)]
    ['n', 'q0', 'q1', 'd1', 'd2', 'd3']
    """
    if score is None:
        return "n"
    if score < 1:
        return "q0" if score < 0.5 else "q1"
    return "d1" if score < 2 else "d2" if score < 4 else "d3"


def _cell_length(report: MonitoringReport) -> str:
    minutes = round(min(point.end - point.start for point in report.history) / 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes" if minutes < 60 else f"{minutes / 60:g} h"
