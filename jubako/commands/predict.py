"""``jubako predict``: predictions in a shell."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from jubako.client.errors import ConnectionFailed, InputRefused, JubakoError, RowsRejected, Unauthorized, UnknownModel
from jubako.client.parsing import parse, rows_from
from jubako.client.predictions import Predictions
from jubako.client.schema import AnySchema
from jubako.client.sync import Client

#: Lines of the table; JSON output has every prediction. NAMED: how many bad rows are listed.
SHOWN = 50
NAMED = 20
NOT_RUNNING = "Is the service running? Start it with `make serve`, or name another with --url or JUBAKO_URL."


@click.command("predict")
@click.argument("model")
@click.argument("inputs", nargs=-1)
@click.option("--json", "json_text", metavar="ROWS", help="One row, a list of rows, or a whole request, as JSON.")
@click.option("--url", envvar="JUBAKO_URL", default="http://127.0.0.1:3000", show_default=True, show_envvar=True)
@click.option("--api-key", envvar="JUBAKO_API_KEY", show_envvar=True, help="Sent as Authorization: Bearer KEY.")
@click.option("--output", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True)
@click.option("--timeout", type=click.FloatRange(min=0.001), default=30.0, show_default=True, help="Seconds a request.")
@click.option("--check", is_flag=True, help="Validate every row first, and send nothing if one is wrong.")
def predict(  # noqa: PLR0917 (click passes them by name)
    model: str,
    inputs: tuple[str, ...],
    json_text: str | None,
    url: str,
    api_key: str | None,
    output: str,
    timeout: float,
    check: bool,
) -> None:
    """Ask MODEL for predictions.

    MODEL is a model of the service. INPUTS are files with rows (JSON, JSON lines or CSV), files for a model of files,
    texts for a model of texts, or - for stdin.

    \b
    jubako predict iris --json '{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
    jubako predict churn customers.csv --output jsonl
    jubako predict sentiment "Works perfectly." "It broke after a week."
    jubako predict image holiday/*.jpg
    """
    try:
        with Client(url, api_key, timeout=timeout) as client:
            schema = client.schema(model)
            rows = _rows(schema, inputs, json_text)
            progress = sys.stderr.isatty() and len(rows) > schema.batching.max_rows
            answers = client.of(model).predict(rows, check=check, progress=progress)
    except JubakoError as error:
        raise click.ClickException(_advice(error, url)) from error
    _show(answers, output)


def _rows(schema: AnySchema, inputs: tuple[str, ...], json_text: str | None) -> list[Any]:
    if json_text is not None and schema.media == "files":
        raise click.UsageError(f"{schema.name} takes files by path, not --json")
    if json_text is None and not inputs:
        if sys.stdin.isatty():
            raise click.UsageError("there are no rows: give --json, a file, or - for stdin")
        inputs = ("-",)
    found = parse(schema, json_text) if json_text is not None else []
    return found + rows_from(schema, inputs, sys.stdin.buffer)


def _advice(error: JubakoError, url: str) -> str:
    """The error, and what to do about it."""
    match error:
        case ConnectionFailed():
            return f"{error}\n{NOT_RUNNING}"
        case InputRefused() | UnknownModel():
            return str(error)
        case Unauthorized():
            return f"{error}\nGive a key with --api-key or JUBAKO_API_KEY."
        case RowsRejected():
            named = [f"  {line}" for line in error.errors[:NAMED]]
            more = len(error.errors) - len(named)
            return "\n".join([error.detail or error.title, *named, *([f"  and {more} more"] if more > 0 else [])])
    return f"{error} (from {url})"


def _show(answers: Predictions[Any], output: str) -> None:
    predictions = answers.to_dicts()
    if output == "jsonl":
        for prediction in predictions:
            click.echo(json.dumps(prediction))
        return
    if output == "json":
        model = answers.model.model_dump()
        click.echo(json.dumps({"model": model, "request_id": answers.request_id, "predictions": predictions}, indent=2))
        return
    _table(answers, predictions)


def _table(answers: Predictions[Any], predictions: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    names = [name for name in predictions[0] if name != "id"]
    table = Table("row", *names, "id")
    for place, prediction in enumerate(predictions[:SHOWN]):
        table.add_row(str(place), *(_cell(prediction[name]) for name in names), prediction["id"])
    console = Console()
    console.print(table)
    if len(predictions) > SHOWN:
        console.print(f"... and {len(predictions) - SHOWN} more: --output json has all")
    spent = f", {answers.timing.total:.1f} ms in the service" if answers.timing.total is not None else ""
    console.print(f"{', '.join(map(str, answers.versions))}{spent}, request {answers.request_id}", style="dim")


def _cell(value: Any) -> str:
    """
    >>> _cell({"red": 0.91, "blue": 0.05, "green": 0.04}), _cell(0.5), _cell(452600.0)
    ('red 0.910, blue 0.050, ...', '0.500', '452,600')
    """
    if isinstance(value, dict):
        best = sorted(value.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {share:.3f}" for name, share in best[:2]) + (", ..." if len(best) > 2 else "")
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"
    return str(value)
