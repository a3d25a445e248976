"""Small pictures in SVG. They stretch with the page; colours come from its style sheet, so both themes work."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from jubako.monitoring.report.report import Bar, HistoryPoint
from jubako.monitoring.report.words import NOTHING, moment

WIDTH, HEIGHT = 320.0, 88.0


def distribution(bars: Sequence[Bar]) -> str:
    """Bins of numbers: the reference as an area, the live rows as a line over it."""
    top = max((share for bar in bars for share in (bar.reference, bar.live) if share is not None), default=0.0)
    if not top:
        return ""
    return (
        f'<svg class="dist" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="ref" d="{_steps([bar.reference for bar in bars], top, closed=True)}"/>'
        f'<path class="live-area" d="{_steps([bar.live for bar in bars], top, closed=True)}"/>'
        f'<path class="live" d="{_steps([bar.live for bar in bars], top, closed=False)}"/>'
        "</svg>"
    )


def _steps(shares: Sequence[float | None], top: float, closed: bool) -> str:
    """
    >>> _steps([0.5, 1.0], 1.0, closed=False)
    'M0 45V45H160V2H320'
    """
    if all(share is None for share in shares):
        return ""
    width = WIDTH / len(shares)
    levels = [HEIGHT - (share or 0.0) / top * (HEIGHT - 2) for share in shares]
    start = f"M0 {HEIGHT:g}" if closed else f"M0 {levels[0]:.4g}"
    path = start + "".join(f"V{level:.4g}H{(place + 1) * width:.4g}" for place, level in enumerate(levels))
    return f"{path}V{HEIGHT:g}Z" if closed else path


def categories(bars: Sequence[Bar], most: int = 8) -> str:
    """One line a category: the reference as a wide bar, the live rows as a narrow one on it."""
    shown = sorted(bars, key=lambda bar: -max(bar.reference or 0, bar.live or 0))[:most]
    top = max((share for bar in shown for share in (bar.reference, bar.live) if share), default=0.0) or 1.0
    lines = [
        '<div class="cat"><span class="cat-name">{name}</span><span class="cat-bars">'
        '<i class="cat-ref" style="width:{reference:.2f}%"></i><i class="cat-live" style="width:{live:.2f}%"></i>'
        '</span><span class="cat-share">{percent}</span></div>'.format(
            name=escape(bar.label),
            reference=100 * (bar.reference or 0) / top,
            live=100 * (bar.live or 0) / top,
            percent=NOTHING if bar.live is None else f"{bar.live:.0%}" if bar.live >= 0.1 else f"{bar.live:.1%}",
        )
        for bar in (bar for bar in bars if bar in shown)
    ]
    hidden = len(bars) - len(shown)
    rest = f'<div class="cat cat-rest">and {hidden} rarer</div>' if hidden > 0 else ""
    return f'<div class="cats">{"".join(lines)}{rest}</div>'


def strip(history: Sequence[HistoryPoint], column: str) -> str:
    """Drift over time as a row of cells: empty without enough rows, darker with the score, coloured from 1 on.

    As wide as the time they cover, with gaps where nothing was answered.
    """
    cells: list[str] = []
    last = history[0].start
    for point in history:
        if point.start > last:
            cells.append(f'<i class="g" style="flex-grow:{point.start - last:g}"></i>')
        last = point.end
        cells.append(
            f'<i class="{level(point.scores.get(column))}" style="flex-grow:{point.end - point.start:g}"'
            f' title="{escape(_told(point, column))}"></i>'
        )
    return f'<span class="strip">{"".join(cells)}</span>'


def level(score: float | None) -> str:
    """
    >>> [level(score) for score in (None, 0.2, 0.7, 1.0, 2.5, 9.0)]
    ['n', 'q0', 'q1', 'd1', 'd2', 'd3']
    """
    if score is None:
        return "n"
    if score < 1:
        return "q0" if score < 0.5 else "q1"
    return "d1" if score < 2 else "d2" if score < 4 else "d3"


def _told(point: HistoryPoint, column: str) -> str:
    score = point.scores.get(column)
    said = f"score {score:.2f}" if score is not None else "not enough rows"
    return f"{moment(point.start)}: {said}, {point.rows:,} rows"
