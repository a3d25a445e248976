"""``jubako train``: its arguments and its output."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from jubako import collection, durable, home
from jubako.commands.screen import console, table
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

if TYPE_CHECKING:
    from jubako.training.data import TrainingRequest
    from jubako.training.loop import TrainingOutcome
    from jubako.training.progress import ProgressBar, ProgressLines

ALL = "all"


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL... | all")
@click.option("--data", metavar="PATH|sklearn|hf:NAME", help="Real data instead of the project's own.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A parameter of the model; may be repeated.")
@click.option("--base", metavar="PATH", help="A local checkpoint to fine-tune (the same as --set base=PATH).")
@click.option("--tune", type=click.IntRange(min=0), default=0, metavar="N", help="Search parameters with N trials.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=7, show_default=True)
@click.option("--missing", is_flag=True, help="Only models without a version that can serve.")
def train(
    models: tuple[str, ...],
    *,
    data: str | None,
    pairs: tuple[str, ...],
    base: str | None,
    tune: int,
    seed: int,
    missing: bool,
) -> None:
    """Train MODEL..., and make a version of each that passes its gate.

    \b
    jubako train iris
    jubako train churn --data telco.csv --tune 20
    jubako train sentiment --base ./distilbert-base-uncased --set epochs=2
    """
    names = _names(models)
    if data and len(names) > 1:
        raise click.UsageError("--data is one model's data: name one model with it")
    if missing:
        names = [name for name in names if not serves(name)]
        if not names:
            click.echo("Nothing to train: every model has a version that can serve.")
            return
    settings = [*pairs, *([f"base={base}"] if base else [])]
    requests = _requests(names, settings, data=data, seed=seed, tune=tune)
    started = time.monotonic()
    outcomes: list[TrainingOutcome] = []
    failures: dict[str, str] = {}
    try:
        _train_each(requests, outcomes, failures)
    finally:
        if outcomes or failures:
            _show(outcomes, failures, time.monotonic() - started)
    if failures or any(outcome.why_not for outcome in outcomes):
        raise SystemExit(1)


def _names(models: Sequence[str]) -> list[str]:
    found = list(collection.here())
    if unknown := [name for name in models if name not in (*found, ALL)]:
        raise click.UsageError(f"there is no model {', '.join(unknown)}; there are {', '.join([*found, ALL])}")
    return found if ALL in models else list(dict.fromkeys(models))


def serves(name: str) -> bool:
    """Whether a version is in production and whole, without loading it."""
    try:
        tag = stages.production(name)
        return tag is not None and bool(store.check(tag, collection.here().cards[name]))
    except VersionRefused as refused:
        click.echo(str(refused), err=True)
        return False
    except stages.StagesUnreadable as error:
        raise click.ClickException(str(error)) from error


def _requests(
    names: Sequence[str], pairs: Sequence[str], *, data: str | None, seed: int, tune: int
) -> dict[str, TrainingRequest]:
    """Parses all arguments before anything is trained."""
    from jubako.training.data import TrainingRequest
    from jubako.training.params import ParamRefused, parse

    recipes = collection.here().recipes
    try:
        return {name: TrainingRequest(data, parse(name, recipes[name].defaults, pairs), seed, tune) for name in names}
    except ParamRefused as refused:
        raise click.UsageError(str(refused)) from refused


def _train_each(
    requests: dict[str, TrainingRequest], outcomes: list[TrainingOutcome], failures: dict[str, str]
) -> None:
    from jubako.training.loop import train as train_one
    from jubako.training.recipe import DataRefused
    from jubako.training.tracking import TrackingFailed, in_words

    screen = Console(stderr=True)
    for name, request in requests.items():
        before = store.versions(name)
        try:
            with _progress(screen, name) as progress:
                outcome = train_one(collection.here().recipes[name], request, progress)
        except (DataRefused, stages.StagesUnreadable) as refused:
            failures[name] = str(refused)
        except TrackingFailed as error:
            failures[name] = f"{error}; {_made_since(name, before)}"
            untried = list(requests)[list(requests).index(name) + 1 :]
            failures.update(dict.fromkeys(untried, "not tried, it would have waited for the same MLflow"))
            return
        except Exception as error:
            said = in_words(error) if isinstance(error, OSError) else f"{type(error).__name__}: {in_words(error)}"
            failures[name] = f"{said}; {_made_since(name, before)} ({_keep_traceback(name)})"
        else:
            outcomes.append(outcome)


def _made_since(name: str, before: Sequence[str]) -> str:
    """What the store says was made, whichever step failed."""
    made = [version for version in store.versions(name) if version not in before]
    return f"version {made[-1]} is in the store, but has no stage" if made else "no version was made"


def _progress(screen: Console, name: str) -> AbstractContextManager[ProgressBar | ProgressLines]:
    from jubako.training.progress import ProgressBar, ProgressLines

    return ProgressBar(screen, name) if screen.is_terminal else ProgressLines(screen, name)


def _keep_traceback(name: str) -> str:
    file = home.jubako_home() / "logs" / f"train-{name}.log"
    try:
        durable.write_whole(file, traceback.format_exc().encode())
    except OSError:
        return "and its log could not be written"
    return f"see {file}"


def _show(outcomes: Sequence[TrainingOutcome], failures: dict[str, str], seconds: float) -> None:
    screen = console()
    if outcomes:
        columns: dict[str, list[str]] = {
            "model": [outcome.model for outcome in outcomes],
            "version": [outcome.tag.partition(":")[2] if outcome.tag else "none" for outcome in outcomes],
            "stage": [outcome.stage or "" for outcome in outcomes],
            "metric": [f"{outcome.result.metric} {outcome.result.value:.4g}" for outcome in outcomes],
            "gate": [_gate(outcome) for outcome in outcomes],
            "engine": [outcome.engine for outcome in outcomes],
            "time": [f"{outcome.seconds:.1f} s" for outcome in outcomes],
        }
        screen.print(table(screen, columns, spare=("engine", "gate")))
    for outcome in outcomes:
        if outcome.why_not:
            screen.print(f"[red]{outcome.model}[/] did not become a version: {outcome.why_not}", soft_wrap=True)
        if outcome.warning:
            screen.print(f"[yellow]Warning:[/] {outcome.warning}", soft_wrap=True)
    for name, why in failures.items():
        screen.print(f"[red]{name}[/] was not trained: {escape(why)}", soft_wrap=True)
    if len(outcomes) > 1:
        screen.print(f"{len(outcomes)} models in {seconds:.0f} s")


def _gate(outcome: TrainingOutcome) -> str:
    if outcome.why_not:
        return "[red]not passed[/]"
    sign = "≤" if collection.here().cards[outcome.model].gate.lower_is_better else "≥"
    return f"{sign} {outcome.result.bound:g} [green]passed[/]"
