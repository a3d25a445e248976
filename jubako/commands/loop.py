"""``jubako loop``: retrain by policy, and say each time why or why not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click
from rich.markup import escape

from jubako import collection, durable
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.loop import record
from jubako.loop.policy import LoopDecision
from jubako.loop.record import LoopRecord, LoopUnreadable
from jubako.loop.runner import LoopRefused, LoopRunner, check_models
from jubako.loop.settings import LoopSettings
from jubako.loop.turn import Turn
from jubako.rollout.record import RolloutUnreadable
from jubako.settings import ConfigurationRefused, configuration_file, read
from jubako.training.recipe import DataRefused
from jubako.versions.history import current_user
from jubako.versions.manifest import VersionRefused
from jubako.versions.stages import StagesUnreadable

FAILURES = (LoopRefused, LoopUnreadable, RolloutUnreadable, DataRefused, VersionRefused, StagesUnreadable)
WHY = click.option("--why", required=True, help="Kept in the record.")


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="Judge one window, now, and end.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided now; write and start nothing.")
@click.pass_context
def loop(context: click.Context, *, once: bool, dry_run: bool) -> None:
    """Watch each window of the models in loop.models; train, gate and roll out when the policy says so.

    Every window leaves a decision with its numbers, most of them "nothing, because ...".
    """
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    try:
        check_models(settings)
        if dry_run:
            for model in settings.models:
                _say(model, Turn(settings).judge(model, time.time())[0])
            return
        runner = LoopRunner(settings)
        for model, decision in runner.once() if once else runner.forever():
            _say(model, decision)
    except FAILURES as error:
        raise click.ClickException(str(error)) from error
    if not once:
        click.echo("stopped: `jubako loop resume` takes the stop file away")


@loop.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, as_json: bool) -> None:
    """What each model of the loop waits for, and its last decision."""
    records = {model: _read(model) for model in _settings().models}
    if as_json:
        found = {name: kept.model_dump(mode="json", exclude={"history"}) for name, kept in records.items()}
        last = {name: kept.history[-1].model_dump(mode="json") for name, kept in records.items() if kept.history}
        stopped = record.stop_file().exists()
        click.echo(json.dumps({"stopped": stopped, "models": found, "last": last}, indent=2))
        return
    if record.stop_file().exists():
        click.echo(f"The loop is stopped: {record.stop_file().read_text().strip()}")
    if not records:
        click.echo("No model is in loop.models of configuration.yaml.")
    for model, kept in records.items():
        state = f", paused by {kept.paused}" if kept.paused else ""
        training = kept.training
        click.echo(f"{model}{state}")
        if training is not None:
            click.echo(f"  last training {training.id}: {training.state} {training.why}".rstrip())
        if kept.memory.released:
            click.echo(f"  released columns: {', '.join(kept.memory.released)}")
        click.echo(f"  {_line(kept.history[-1]) if kept.history else 'no window yet'}")


@loop.command()
@click.argument("model", type=MODEL)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def history(model: str, *, limit: int, as_json: bool) -> None:
    """The decisions on MODEL, the newest last."""
    found = _read(model).history[-limit:]
    if as_json:
        click.echo(json.dumps([entry.model_dump(mode="json") for entry in found], indent=2))
    elif not found:
        click.echo(f"No window of {model} was judged yet.")
    else:
        screen = console()
        screen.print(table(screen, _columns(found), wrapped=("why",)))


@loop.command()
@click.argument("model", type=MODEL)
@WHY
def pause(model: str, *, why: str) -> None:
    """Start no training of MODEL; its windows are judged as before."""
    _change(model, lambda now: now.model_copy(update={"paused": f"{current_user()}: {why}"}))
    click.echo(f"{model} is paused; `jubako loop resume {model}` lets it go on")


@loop.command()
@click.argument("model", type=MODEL, required=False)
def resume(model: str | None) -> None:
    """Let MODEL go on; without MODEL, take the stop file away."""
    if model is None:
        record.stop_file().unlink(missing_ok=True)
        click.echo("The stop file is gone: `jubako loop` runs again.")
        return
    _change(model, lambda now: now.model_copy(update={"paused": None}))
    click.echo(f"{model} goes on")


@loop.command()
@WHY
def stop(*, why: str) -> None:
    """End the loop, and the training that it runs; a rollout goes on. None runs while the stop file is there."""
    durable.write_whole(record.stop_file(), f"{current_user()}: {why}\n".encode())
    click.echo(f"Wrote {record.stop_file()}; `jubako loop resume` takes it away")


@loop.command()
@click.argument("model", type=MODEL)
@click.argument("columns", nargs=-1, required=True)
def release(model: str, columns: Sequence[str]) -> None:
    """Say that the data fault of COLUMNS is the new normal: it blocks MODEL no more, until another version serves."""
    card = collection.here().cards[model]
    if unknown := set(columns) - {*card.columns, *(signal.name for signal in card.signals), "truth"}:
        raise click.UsageError(f"{model} has no column {', '.join(sorted(unknown))}")

    def update(now: LoopRecord) -> LoopRecord:
        released = tuple(dict.fromkeys((*now.memory.released, *columns)))
        return now.model_copy(update={"memory": now.memory.model_copy(update={"released": released})})

    _change(model, update)
    click.echo(f"{model}: {', '.join(columns)} no longer block a training; the windows before stay out of it")


def _settings() -> LoopSettings:
    try:
        return read(configuration_file(), collection.here()).loop
    except ConfigurationRefused as refused:
        raise click.ClickException(str(refused)) from refused


def _read(model: str) -> LoopRecord:
    try:
        return record.read(model)
    except LoopUnreadable as error:
        raise click.ClickException(str(error)) from error


def _change(model: str, update: Callable[[LoopRecord], LoopRecord]) -> None:
    try:
        record.change(model, update)
    except LoopUnreadable as error:
        raise click.ClickException(str(error)) from error


def _say(model: str, decision: LoopDecision) -> None:
    click.echo(f"{model}  {_line(decision)}")


def _line(decision: LoopDecision) -> str:
    return f"{_when(decision)}  {decision.why}"


def _when(decision: LoopDecision) -> str:
    return datetime.fromtimestamp(decision.end, UTC).strftime("%Y-%m-%d %H:%M")


def _columns(found: Sequence[LoopDecision]) -> dict[str, list[str]]:
    return {
        "window until": [_when(entry) for entry in found],
        "does": [entry.action for entry in found],
        "reason": [entry.reason for entry in found],
        "why": [escape(entry.why) for entry in found],
    }
