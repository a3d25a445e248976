"""The report as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from jubako.monitoring.report import words
from jubako.monitoring.report.drawing import categories, distribution, strip
from jubako.monitoring.report.report import ColumnReport, Facts, MonitoringReport, QualityReport
from jubako.monitoring.report.style import CSS


def page(reports: Sequence[MonitoringReport]) -> str:
    names = ", ".join(report.model for report in reports)
    at = words.moment(max((report.generated_at for report in reports), default=None))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Drift{escape(names and f': {names}')}</title><style>{CSS}</style></head><body><main>"
        f"{_navigation(reports)}{''.join(map(_model, reports)) or _NOTHING}"
        f'<footer class="note">Made {at}. {_EXPLANATION}</footer></main></body></html>\n'
    )


_NOTHING = '<p class="lead">No model has answered anything that was profiled.</p>'
_EXPLANATION = (
    "A score is the largest distance of a column from the reference, in units of its limit: from 1 on the column has "
    "drifted. A distance that chance explains stays below 1, however large it is; the chance that is allowed is "
    "shared by all tests of a model."
)


def _navigation(reports: Sequence[MonitoringReport]) -> str:
    links = "".join(
        f'<a class="{escape(report.state)}" href="#{escape(report.model)}">{escape(report.model)}</a>'
        for report in reports
        if len(reports) > 1
    )
    return f"<nav><b>Jubako</b>{links}</nav>"


def _model(report: MonitoringReport) -> str:
    return (
        f'<section id="{escape(report.model)}"><h1>{escape(report.model)}</h1>'
        f'<p class="soft">{escape(report.title)}</p>'
        f'<p class="lead {escape(report.state)}">{escape(words.headline(report))}</p>'
        f'<p class="note">{escape(words.basis(report))}</p>'
        f'{_columns(report)}{_over_time(report)}<div class="facts">{_quality(report)}{_accounting(report)}</div>'
        "</section>"
    )


def _columns(report: MonitoringReport) -> str:
    if not any(column.bars for column in report.columns):
        return ""
    key = (
        '<p class="note"><span class="key"></span>training &emsp;<span class="key of-live"></span>live &emsp;'
        '<span class="key of-drift"></span>drifted</p>'
    )
    cards = "".join(_column(report.model, column) for column in report.columns)
    return f'<h2>Columns</h2>{key}<div class="grid">{cards}</div>'


def _column(model: str, column: ColumnReport) -> str:
    score = "" if column.score is None else f'<span class="score">score {column.score:.2f}</span>'
    role = '<span class="role">answer</span>' if column.role == "answer" else ""
    if column.kind == "number":
        picture = distribution(column.bars)
        if column.bars:
            low, high = words.ends(column.bars[0].low, column.bars[-1].high)
            picture += f'<div class="ends"><span>{low}</span><span>{high}</span></div>'
    else:
        picture = categories(column.bars)
    why = words.reason(column)
    told = f'<p class="why">{escape(why[0].upper() + why[1:])}.</p>' if why else ""
    state = "drifted" if column.state == "drifted" else "quiet"
    return (
        f'<article class="column {state}" id="{escape(model)}-{escape(column.column)}">'
        f"<header><h3>{escape(column.column)}</h3>{role}{score}</header>{picture}{told}{_details(column)}</article>"
    )


def _details(column: ColumnReport) -> str:
    measured = "".join(
        f'<tr><td>{escape(words.STATISTICS[found.statistic])}</td><td class="n">{words.number(found.value)}</td>'
        f'<td class="n">{words.number(found.limit)}</td><td class="n">{_chance(found.chance)}</td></tr>'
        for found in column.measures
    )
    tests = (
        '<table><tr><th></th><th class="n">value</th><th class="n">limit</th><th class="n">chance</th></tr>'
        f"{measured}</table>"
        if measured
        else ""
    )
    sides = [("training", column.reference), ("live", column.live)]
    known = [(name, side) for name, side in sides if side]
    if not known:
        return ""
    heads = "".join(f'<th class="n">{name}</th>' for name, _ in known)
    lines = "".join(
        f"<tr><td>{label}</td>" + "".join(f'<td class="n">{line(side)}</td>' for _, side in known) + "</tr>"
        for label, line in _LINES.items()
        if any(line(side) != words.NOTHING for _, side in known)
    )
    return f"<details><summary>numbers</summary><table><tr><th></th>{heads}</tr>{lines}</table>{tests}</details>"


_LINES: dict[str, Callable[[Facts], str]] = {
    "rows": lambda side: f"{side.rows:,}",
    "mean": lambda side: words.number(side.mean),
    "deviation": lambda side: words.number(side.deviation),
    "least": lambda side: words.number(side.least),
    "most": lambda side: words.number(side.most),
    "missing": lambda side: words.share(side.missing, side.rows),
    "invalid": lambda side: words.share(side.invalid, side.rows),
}


def _chance(chance: float) -> str:
    return "&lt; 1e-9" if chance < 1e-9 else words.number(chance)


def _over_time(report: MonitoringReport) -> str:
    if len(report.history) < 2:
        return ""
    first, last = report.history[0], report.history[-1]
    lines = "".join(
        f'<a href="#{escape(report.model)}-{escape(column.column)}"'
        f' class="{"drifted" if column.state == "drifted" else "quiet"}">{escape(column.column)}</a>'
        f"{strip(report.history, column.column)}"
        f'<span class="{"drifted" if column.state == "drifted" else "quiet"}">'
        f"{words.NOTHING if column.score is None else f'{column.score:.1f}'}</span>"
        for column in report.columns
    )
    start, end = words.period(first.start, min(last.end, report.generated_at))
    axis = f'<span></span><span class="axis"><span>{start}</span><span>{end}</span></span><span></span>'
    minutes = round(min(point.end - point.start for point in report.history) / 60)
    each = f"{minutes} minutes" if 1 < minutes < 60 else "a minute" if minutes <= 1 else f"{minutes / 60:g} h"
    note = f"A cell is {each} or more; an empty one had not enough rows, a coloured one drifted."
    return f'<h2>Over time</h2><p class="note">{note}</p><div class="time">{lines}{axis}</div>'


def _quality(report: MonitoringReport) -> str:
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in report.feedback.items() if count)
    note = f"Truth that came back: {told}." if told else "No truth came back yet: POST /v1/feedback."
    if not report.quality:
        return f'<div><h2>Live quality</h2><p class="note">{note}</p></div>'
    heads = "".join(f'<th class="n">{head}</th>' for head in ("truths", "", "live", "training"))
    lines = "".join(map(_quality_lines, report.quality))
    table = f"<table><tr><th>version</th>{heads}</tr>{lines}</table>"
    return f'<div><h2>Live quality</h2><p class="note">{note}</p><div class="wide">{table}</div></div>'


def _quality_lines(quality: QualityReport) -> str:
    first = f'<td>{escape(quality.version)}</td><td class="n">{quality.joined:,}</td>'
    lines = [
        f'<td class="n">{escape(name)}</td><td class="n">{words.number(value)}</td>'
        f'<td class="n soft">{words.number(quality.trained.get(name))}</td>'
        for name, value in quality.metrics.items()
    ]
    return "".join(f"<tr>{'<td></td><td></td>' if place else first}{line}</tr>" for place, line in enumerate(lines))


def _accounting(report: MonitoringReport) -> str:
    troubles = report.troubles.model_dump() if report.troubles else {}
    wrong = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in troubles.items() if count)
    alarm = f'<p class="note bad">{escape(wrong)}</p>' if wrong else ""
    lines = "".join(
        f"<tr><td>{escape(version.version)}{' · serves' if version.serves else ''}</td>"
        f'<td class="n">{version.rows:,}</td><td class="n">{words.moment(version.last, day=False)}</td></tr>'
        for version in report.versions
    )
    table = (
        f'<table><tr><th>version</th><th class="n">rows in 24 h</th><th class="n">last seen</th></tr>{lines}</table>'
    )
    return (
        f'<div><h2>Accounting</h2><p class="note">{escape(words.balance(report))}.</p>{alarm}'
        f'{f"""<div class="wide">{table}</div>""" if lines else ""}</div>'
    )
