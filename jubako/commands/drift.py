"""``jubako drift``: what changed since training, in the terminal or as a page."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from jubako import collection, durable, home
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.monitoring.report import words
from jubako.monitoring.report.drift_page import drift_page
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.monitoring.report.report import ColumnReport, MonitoringReport

COLOURS = {"drifted": "red", "stable": "green", "not enough": "yellow", "no reference": "yellow"}


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--version", metavar="VERSION", help="Another version than the one that serves.")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write one HTML page.")
@click.option("--json", "as_json", is_flag=True, help="For programs: as GET /v1/monitoring/MODEL.")
@click.option("--fail", is_flag=True, help="Exit with 1 when something drifted.")
def drift(model: str | None, *, version: str | None, file: Path | None, as_json: bool, fail: bool) -> None:
    """Compare the newest rows of MODEL with those of its training; without MODEL, of every model that answered.

    \b
    jubako drift churn
    jubako drift --html drift.html
    """
    if version and not model:
        raise click.UsageError("--version is a version of one model: name the model, too")
    models = collection.here()
    monitor = DriftMonitor(home.monitoring(), models)
    try:
        reports = [monitor.report(name, version) for name in ([model] if model else models)]
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    seen = [report for report in reports if model or report.window.rows or report.accounting.received]
    if file:
        durable.write_whole(file, drift_page(seen).encode())
        click.echo(f"Wrote {file}")
    elif as_json:
        click.echo("[" + ",\n".join(report.model_dump_json() for report in seen) + "]")
    else:
        _show(console(), seen, whole=model is not None)
    if fail and any(report.state == "drifted" for report in seen):
        raise SystemExit(1)


def _show(screen: Console, reports: list[MonitoringReport], whole: bool) -> None:
    if not reports:
        screen.print("No model has answered rows that were profiled.")
    for report in reports:
        colour = COLOURS[report.state]
        screen.print(f"[bold]{report.model}[/]  [{colour}]{escape(report.headline)}[/]", soft_wrap=True)
        screen.print(f"[dim]{escape(report.basis)}[/]", soft_wrap=True)
        shown = [column for column in report.columns if whole or column.state == "drifted"]
        if shown and any(column.live for column in shown):
            screen.print(
                table(screen, _cells(shown), spare=("missing", "invalid", "training", "live"), wrapped=("why",))
            )
        for quality in report.quality:
            metrics = ", ".join(
                f"{name} {words.number(value)}"
                + (f" ({words.number(quality.trained[name])} in training)" if name in quality.trained else "")
                for name, value in quality.metrics.items()
            )
            screen.print(f"Live quality of {quality.version} on {quality.joined:,} truths: {metrics}", soft_wrap=True)
        for alarm in report.alarms:
            screen.print(
                f"[red]{escape(alarm.name)}[/] {escape(alarm.summary)} [dim]{alarm.runbook}[/]", soft_wrap=True
            )
        screen.print(f"[dim]{report.balance}[/]\n", soft_wrap=True)


def _cells(columns: list[ColumnReport]) -> dict[str, list[str]]:
    return {
        "column": [escape(column.column) for column in columns],
        "state": [f"[{COLOURS[column.state]}]{words.STATES[column.state]}[/]" for column in columns],
        "score": [words.NOTHING if column.score is None else f"{column.score:.2f}" for column in columns],
        "training": [_typical(column, live=False) for column in columns],
        "live": [_typical(column, live=True) for column in columns],
        "missing": [
            words.share(side.missing, side.rows) if (side := column.live) else words.NOTHING for column in columns
        ],
        "invalid": [
            words.share(side.invalid, side.rows) if (side := column.live) else words.NOTHING for column in columns
        ],
        "why": [escape(column.reason) for column in columns],
    }


def _typical(column: ColumnReport, live: bool) -> str:
    """The mean of a number, the most frequent category."""
    side = column.live if live else column.reference
    if side is None:
        return words.NOTHING
    if column.kind == "number":
        return f"{words.number(side.mean)} ± {words.number(side.deviation)}"
    shares = {bar.label: (bar.live if live else bar.reference) or 0.0 for bar in column.bars}
    top = max(shares, key=shares.__getitem__, default="")
    return escape(f"{top} {shares[top]:.0%}") if top else words.NOTHING
