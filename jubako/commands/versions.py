"""``jubako models``, ``jubako promote``, ``jubako rollback``: the versions in the store and their stages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jubako import home
from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.versions import stages, store
from jubako.versions.history import ModelStages, StageChange, first_edited
from jubako.versions.manifest import Manifest, VersionRefused


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--verify", is_flag=True, help="Check that no entry of a history was edited.")
def models(model: str | None, as_json: bool, verify: bool) -> None:
    """List the versions in the store; of one MODEL also its history."""
    names = [model] if model else list(here())
    try:
        stages_by_name = {name: stages.stages_of(name) for name in names}
    except stages.StagesUnreadable as error:
        raise click.ClickException(str(error)) from error
    if verify:
        _verify(stages_by_name)
        return
    lines = [line for name in names for line in _lines(name, stages_by_name[name])]
    if as_json:
        click.echo(json.dumps(lines, indent=2))
        return
    screen = console()
    if not lines:
        screen.print(f"No versions in the store: `jubako train {model or 'all'}` makes some.")
        return
    screen.print(_versions_table(screen, lines))
    if model:
        screen.print()
        screen.print(_history_table(screen, stages_by_name[model]))


def _verify(stages_by_name: dict[str, ModelStages]) -> None:
    edited = {name: place for name, one in stages_by_name.items() if (place := first_edited(one.history)) is not None}
    for name, place in edited.items():
        change = stages_by_name[name].history[place]
        told = f"{change.action} of {change.target} at {change.when}"
        click.echo(f"{name}: entry {place + 1} of its history ({told}) or one before it was edited", err=True)
    if edited:
        raise SystemExit(1)
    entries = sum(len(one.history) for one in stages_by_name.values())
    click.echo(f"none of the {entries} entries was edited")


def _lines(name: str, model_stages: ModelStages) -> Iterator[dict[str, Any]]:
    for version in reversed(store.versions(name)):
        stage = (
            "production"
            if version == model_stages.production
            else "candidate"
            if version == model_stages.candidate
            else ""
        )
        line: dict[str, Any] = {"model": name, "version": version, "stage": stage}
        try:
            yield {**line, **_lineage(store.read_manifest(f"{name}:{version}"))}
        except VersionRefused as refused:
            yield {**line, "refused": refused.why}


def _lineage(manifest: Manifest) -> dict[str, Any]:
    return {
        "metric": manifest.gate.metric,
        "value": manifest.gate.value,
        "metrics": manifest.metrics,
        "engine": manifest.engine,
        "trained_at": manifest.trained_at,
        "data": manifest.data.model_dump(),
        "seed": manifest.seed,
        "run_id": manifest.run_id,
        "git_commit": manifest.git_commit,
        "git_dirty": manifest.git_dirty,
    }


def _versions_table(screen: Console, lines: list[dict[str, Any]]) -> Table:
    columns: dict[str, list[str]] = {
        heading: []
        for heading in ("model", "version", "stage", "metric", "engine", "data", "trained", "MLflow run", "commit")
    }
    for line in lines:
        for heading, cell in zip(columns, _cells(line), strict=True):
            columns[heading].append(cell)
    wrapped = ("metric",) if any("refused" in line for line in lines) else ()
    return table(screen, columns, spare=("trained", "commit", "engine", "MLflow run", "data"), wrapped=wrapped)


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    stage = f"[green]{line['stage']}[/]" if line["stage"] == "production" else line["stage"]
    known = (line["model"], line["version"], stage)
    if "refused" in line:
        return (*known, f"[red]refused: {escape(line['refused'])}[/]", *[""] * 5)
    commit = (line["git_commit"] or "")[:8] + ("+" if line["git_dirty"] else "")
    value = line["value"]
    metric = f"{line['metric']} {'not measured' if value is None else format(value, '.4g')}"
    trained = line["trained_at"][:16].replace("T", " ")
    return (*known, metric, line["engine"], line["data"]["source"], trained, line["run_id"][:8], commit)


def _history_table(screen: Console, model_stages: ModelStages) -> Table:
    changes = model_stages.history
    columns: dict[str, list[str]] = {
        "when": [change.when[:16].replace("T", " ") for change in changes],
        "what": [change.action for change in changes],
        "from": [change.source or "" for change in changes],
        "to": [change.target for change in changes],
        "who": [change.who for change in changes],
        "why": [change.why for change in changes],
    }
    return table(screen, columns, spare=("from",), wrapped=("why",))


@click.command()
@click.argument("model", type=MODEL)
@click.argument("version", required=False)
@click.option("--why", default="promoted by hand", help="Kept in the history.")
def promote(model: str, version: str | None, why: str) -> None:
    """Let VERSION of MODEL serve: its name, the beginning of it, or nothing for the candidate."""
    _change(model, lambda: stages.promote(here().models[model], resolve(model, version), why))


@click.command()
@click.argument("model", type=MODEL)
@click.option("--why", default="rolled back by hand", help="Kept in the history.")
def rollback(model: str, why: str) -> None:
    """Let the version of MODEL serve that served before."""
    _change(model, lambda: stages.rollback(here().models[model], why))


def resolve(model: str, version: str | None) -> str:
    """The version for a name, the beginning of one, or None for the candidate."""
    if version is None:
        waiting = stages.stages_of(model).candidate
        if waiting is None:
            raise stages.StageChangeRefused(
                f"{model} has no candidate; name a version (`jubako models {model}` lists them)"
            )
        return waiting
    wanted = version.removeprefix(f"{model}:")
    matches = [found for found in store.versions(model) if found.startswith(wanted)]
    if wanted in matches:
        return wanted
    if len(matches) != 1:
        what = "more than one version" if matches else "no version"
        raise stages.StageChangeRefused(f"{what} of {model} begins with {wanted!r}; `jubako models {model}` lists them")
    return matches[0]


def _change(model: str, change: Any) -> None:
    try:
        done: StageChange = change()
    except VersionRefused as refused:
        raise click.ClickException(f"{refused}; `jubako promote {model} VERSION` takes another") from refused
    except (stages.StageChangeRefused, stages.StagesUnreadable) as error:
        raise click.ClickException(str(error)) from error
    before = f" (before: {done.source})" if done.source else ""
    click.echo(f"{model}:{done.target} is in production{before}")
    # MLflow mirrors the pointer beside the store where training is installed; serving does not need MLflow.
    if find_spec("mlflow") and home.bento() is None:
        warning = import_module("jubako.training.aliases").mirror(model)
        if warning:
            click.echo(f"Warning: {warning}", err=True)
