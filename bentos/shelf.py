"""``jubako models``, ``jubako promote``, ``jubako rollback``: what is in the store, and which of it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bentos import artifacts, stages
from bentos.artifacts import Evidence, VersionRefused
from bentos.cards import CARDS

MODEL = click.Choice(list(CARDS))


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def models(model: str | None, as_json: bool) -> None:
    """List the versions in the store; of one MODEL also its history."""
    names = [model] if model else list(CARDS)
    try:
        shelves = {name: stages.shelf(name) for name in names}
    except stages.StagesUnreadable as error:
        raise click.ClickException(str(error)) from error
    lines = [line for name in names for line in _lines(name, shelves[name])]
    if as_json:
        click.echo(json.dumps(lines, indent=2))
        return
    console = Console()
    if not lines:
        console.print(f"No versions in the store: `jubako train {model or 'all'}` makes some.", highlight=False)
        return
    console.print(_versions_table(lines))
    if model:
        console.print(_history_table(shelves[model]))


def _lines(name: str, shelf: stages.Shelf) -> Iterator[dict[str, Any]]:
    for version in reversed(artifacts.versions(name)):
        stage = "production" if version == shelf.production else "candidate" if version == shelf.candidate else ""
        line: dict[str, Any] = {"model": name, "version": version, "stage": stage}
        try:
            yield {**line, **_lineage(artifacts.read_evidence(f"{name}:{version}"))}
        except VersionRefused as refused:
            yield {**line, "refused": refused.why}


def _lineage(evidence: Evidence) -> dict[str, Any]:
    return {
        "metric": evidence.gate.metric,
        "value": evidence.gate.value,
        "metrics": evidence.metrics,
        "engine": evidence.engine,
        "trained_at": evidence.trained_at,
        "data": evidence.data.model_dump(),
        "seed": evidence.seed,
        "run_id": evidence.run_id,
        "git_commit": evidence.git_commit,
        "git_dirty": evidence.git_dirty,
    }


def _versions_table(lines: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "version", "stage", "metric", "engine", "data", "MLflow run", "commit"):
        table.add_column(heading, no_wrap=heading in {"version", "stage"})
    last = None
    for line in lines:
        name = line["model"] if line["model"] != last else ""
        last = line["model"]
        stage = f"[green]{line['stage']}[/]" if line["stage"] == "production" else line["stage"]
        if "refused" in line:
            table.add_row(name, line["version"], stage, f"[red]refused: {line['refused']}[/]")
            continue
        commit = (line["git_commit"] or "")[:8] + ("+" if line["git_dirty"] else "")
        metric = f"{line['metric']} {line['value']:.4g}"
        data = f"{line['data']['source']} ({line['data']['rows']:,} rows)"
        table.add_row(name, line["version"], stage, metric, line["engine"], data, line["run_id"][:8], commit)
    return table


def _history_table(shelf: stages.Shelf) -> Table:
    table = Table(box=None, pad_edge=False, title="\nhistory", title_justify="left")
    for heading in ("when", "what", "from", "to", "why"):
        table.add_column(heading, no_wrap=heading != "why")
    for move in shelf.history:
        when = move.when.replace("T", " ").removesuffix("+00:00")
        table.add_row(when, move.action, move.source or "", move.target, move.why)
    return table


@click.command()
@click.argument("model", type=MODEL)
@click.argument("version", required=False)
@click.option("--why", default="promoted by hand", help="Kept in the history.")
def promote(model: str, version: str | None, why: str) -> None:
    """Let VERSION of MODEL serve: its name, the beginning of it, or nothing for the candidate."""
    _moved(model, lambda: stages.promote(model, _resolve(model, version), why))


@click.command()
@click.argument("model", type=MODEL)
@click.option("--why", default="rolled back by hand", help="Kept in the history.")
def rollback(model: str, why: str) -> None:
    """Let the version of MODEL serve that served before."""
    _moved(model, lambda: stages.rollback(model, why))


def _resolve(model: str, version: str | None) -> str:
    if version is None:
        waiting = stages.shelf(model).candidate
        if waiting is None:
            raise stages.NotMoved(f"{model} has no candidate; name a version (`jubako models {model}` lists them)")
        return waiting
    wanted = version.removeprefix(f"{model}:")
    matches = [found for found in artifacts.versions(model) if found.startswith(wanted)]
    if wanted in matches:
        return wanted
    if len(matches) != 1:
        what = "more than one version" if matches else "no version"
        raise stages.NotMoved(f"{what} of {model} begins with {wanted!r}; `jubako models {model}` lists them")
    return matches[0]


def _moved(model: str, move: Any) -> None:
    try:
        done: stages.Move = move()
    except (stages.NotMoved, stages.StagesUnreadable, VersionRefused) as error:
        raise click.ClickException(str(error)) from error
    before = f" (before: {done.source})" if done.source else ""
    click.echo(f"{model}:{done.target} is in production{before}")
    # MLflow mirrors the pointer where training is installed; serving knows nothing of it.
    if find_spec("mlflow") and find_spec("training"):
        warning = import_module("training.mirror").mirror(model)
        if warning:
            click.echo(f"Warning: {warning}", err=True)
