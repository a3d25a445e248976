"""``jubako import``: a model from MLflow becomes a model of this repository."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jubako import home
from jubako.collection import Collection

if TYPE_CHECKING:
    from jubako.importing.bring import Look
    from jubako.importing.decisions import Decision
    from jubako.importing.generated import Plan


@click.command("import")
@click.argument("source", metavar="models:/NAME/VERSION | models:/NAME@ALIAS | runs:/RUN/PATH | FOLDER")
@click.option("--name", required=True, help="What the model is called here.")
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="A CSV file of rows: ranges, categories, golden and reference rows. Without it: the model's input example.",
)  # fmt: skip
@click.option("--truth", metavar="COLUMN", help="The column of --data that the model predicts: it judges the model.")
@click.option("--title", help="What the model predicts, in one sentence.")
@click.option("--answer", metavar="FIELD", help="The name of the answer.")
@click.option("--classes", metavar="NAME,NAME", help="Names of the classes, in the model's order.")
@click.option("--gate", metavar="METRIC>=NUMBER", help="What every version must reach.")
@click.option("--units", metavar="COLUMN=UNIT,...", help="Units of the columns.")
@click.option("--yes", is_flag=True, help="Take the suggestion for everything that was not given.")
@click.option("--allow-pyfunc", is_flag=True, help="Also run a pickle: it can run any code.")
def import_model(
    source: str, name: str, data: Path | None, truth: str | None, *, yes: bool, allow_pyfunc: bool, **given: str | None
) -> None:
    """Import a model from MLflow: card, model, recipe, test, the line in the service, and a version.

    \b
    jubako import models:/wine/3 --name wine
    jubako import models:/wine@champion --name wine --data rows.csv --truth cultivar --gate "accuracy>=0.9"
    """
    from jubako.importing import bring
    from jubako.importing.refused import ImportRefused
    from jubako.training.recipe import DataRefused
    from jubako.training.tracking import TrackingFailed
    from jubako.versions.manifest import VersionRefused
    from jubako.versions.stages import StagesUnreadable

    started, root = time.monotonic(), home.repository()
    try:
        found = bring.look(source, name, data, truth, allow_pyfunc=allow_pyfunc)
        if found.artefact.framework == "pyfunc":
            click.secho(
                f"Warning: {source} is a pickle: its code runs here and in the service, with every right they have.",
                fg="yellow", err=True,
            )  # fmt: skip
        decided = _decide(bring.to_decide(found, truth, given), yes=yes)
        plan = bring.plan_of(found, decided, root, data, truth, allow_pyfunc=allow_pyfunc)
        files = bring.write_files(plan, root)
        to_do = bring.wire(plan, root)
        for file in files:
            click.echo(f"  {file.relative_to(root)}")
        said = _version(plan, found, root)
    except (ImportRefused, DataRefused, TrackingFailed, VersionRefused, StagesUnreadable) as refused:
        raise click.ClickException(str(refused)) from refused
    click.echo(f"{said} ({time.monotonic() - started:.1f} s)")
    if to_do:
        click.secho(to_do, fg="yellow", err=True)
    if unseen := [each.name for each in plan.fields if each.categories]:
        click.echo(f"Categories are those that were seen; look at {', '.join(unseen)} in bentos/{name}/card.py")


def _decide(wanted: Sequence[Decision], *, yes: bool) -> Sequence[Decision]:
    from jubako.importing.decisions import asked, missing_in_words

    open_ones = [each for each in wanted if not each.decided]
    if yes or not open_ones:
        return wanted
    if not sys.stdin.isatty():
        lines = "\n".join(f"  {line}" for line in missing_in_words(wanted))
        raise click.UsageError(f"nobody can derive these; give them, or take these suggestions with --yes:\n{lines}")
    click.echo("Enter takes the suggestion.")
    return asked(wanted, lambda question, default: str(click.prompt(question, default=default)))


def _version(plan: Plan, found: Look, root: Path) -> str:
    """A version of what was just written, and what became of it."""
    from jubako.importing.bring import card_rows
    from jubako.importing.unjudged import store
    from jubako.training.data import FEWEST_ROWS
    from jubako.training.loop import train

    here = Collection.found(root)
    if plan.truth and len(found.table) >= FEWEST_ROWS:
        outcome = train(here.recipes[plan.name])
        if outcome.why_not:
            raise click.ClickException(
                f"{plan.name} did not become a version: {outcome.why_not}. Its files are written: change the gate in "
                f"bentos/{plan.name}/card.py, then `jubako train {plan.name}`"
            )
        result = outcome.result
        return f"{outcome.tag} is {outcome.stage}: {result.metric} {result.value:.4g}, computed by {outcome.engine}"
    model: Any = here.models[plan.name]
    tag, stage, engine = store(model, found.artefact.native, found.source, card_rows(found))
    return f"{tag} is {stage}, judged by nobody (no --truth), computed by {engine}"
