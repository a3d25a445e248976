"""``jubako lineage``, ``jubako replay``, ``jubako reproduce``: where something comes from, and making it again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape
from rich.tree import Tree

from jubako import durable
from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console
from jubako.commands.versions import resolve
from jubako.lineage.lineage_page import lineage_page
from jubako.lineage.logged import old_prediction, prediction_step
from jubako.lineage.replay import ReplayImpossible
from jubako.lineage.replay import replay as replay_prediction
from jubako.lineage.reproduce import ReproductionRefused
from jubako.lineage.reproduce import reproduce as reproduce_version
from jubako.lineage.steps import LineageUnknown, Step, version_step
from jubako.models import Runtime
from jubako.rollout.record import RolloutUnreadable
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

REFUSED = (LineageUnknown, VersionRefused, stages.StagesUnreadable, stages.StageChangeRefused, RolloutUnreadable)


@click.command()
@click.argument("subject", metavar="MODEL|PREDICTION-ID")
@click.argument("version", required=False)
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write one HTML page.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def lineage(subject: str, version: str | None, *, file: Path | None, as_json: bool) -> None:
    """Show what a version or a prediction was made from, and who put it where and why.

    \b
    jubako lineage iris
    jubako lineage iris 20261121-a1b2
    jubako lineage iris:20261121-a1b2:019366f3a1c9f3a7.4
    """
    try:
        step = _step(subject, version)
    except REFUSED as error:
        raise click.ClickException(str(error)) from error
    if file:
        durable.write_whole(file, lineage_page(step).encode())
        click.echo(f"Wrote {file}")
    elif as_json:
        click.echo(json.dumps(asdict(step), indent=2))
    else:
        console().print(_tree(step), soft_wrap=True)


def _step(subject: str, version: str | None) -> Step:
    models = here()
    if subject.count(":") > 1:
        if version is not None:
            raise click.UsageError("a prediction's id names its version already")
        found = old_prediction(subject, tuple(models))
        return prediction_step(subject, found, models.models[found.model])
    name, _, tagged = subject.partition(":")
    if name not in models:
        raise click.UsageError(f"there is no model {name!r}; there are {', '.join(models)}")
    wanted = version or tagged
    return version_step(name, resolve(name, wanted) if wanted else None)


def _tree(step: Step, under: Tree | None = None) -> Tree:
    told = f"[dim]{step.kind}[/] [bold]{escape(step.name)}[/]"
    branch = Tree(told, guide_style="dim") if under is None else under.add(told)
    for name, value in step.facts.items():
        branch.add(f"[dim]{escape(name)}[/] {escape(value)}")
    for part in step.parts:
        _tree(part, branch)
    return branch


@click.command()
@click.argument("prediction", metavar="PREDICTION-ID")
@click.option("--native", is_flag=True, help="Compute with the framework's own engine.")
def replay(prediction: str, *, native: bool) -> None:
    """Compute an old prediction again with its version and its row, and say whether the answer is the same.

    Exits with 1 when it differs. Rows are there only where the prediction log keeps them.
    """
    models = here()
    try:
        found = old_prediction(prediction, tuple(models))
        runtime = Runtime(engine="native") if native else Runtime()
        done = replay_prediction(models.models[found.model], found, runtime)
    except (*REFUSED, ReplayImpossible) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{prediction} is {done}")
    if not done.identical:
        raise SystemExit(1)


@click.command()
@click.argument("model", type=MODEL)
@click.argument("version", required=False)
def reproduce(model: str, version: str | None) -> None:
    """Train VERSION of MODEL (by default the one in production) again in a clean checkout, and say what differs.

    Takes the commit, data, parameters and seed of its manifest. Nothing that serves is changed. Exits with 1 when
    data or answers differ.
    """
    try:
        wanted = resolve(model, version) if version else stages.stages_of(model).production
        if wanted is None:
            raise LineageUnknown(f"{model} has no version in production; name one")
        done = reproduce_version(store.read_manifest(f"{model}:{wanted}"), lambda told: click.echo(told, err=True))
    except (*REFUSED, ReproductionRefused) as error:
        raise click.ClickException(str(error)) from error
    said = "answers its golden rows the same to the bit" if done.answers_alike else "is not reproduced"
    click.echo(f"{done.manifest.tag}, trained again, {said}")
    for difference in done.differences:
        click.echo(f"  {difference}")
    if not done.answers_alike:
        raise SystemExit(1)
