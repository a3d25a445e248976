"""``jubako rollout``: let a candidate prove itself on real requests before it serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import click
from rich.live import Live

from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.disagreements import disagreements
from jubako.commands.rollout_screen import history_table, overview, picture
from jubako.commands.screen import console
from jubako.commands.versions import resolve
from jubako.rollout import record, words
from jubako.rollout.judge import JudgeLimits
from jubako.rollout.record import Plan, RolloutRefused, RolloutUnreadable, Split, What
from jubako.rollout.steps import shares_of
from jubako.rollout.view import view
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

USUAL = JudgeLimits()
REFRESH_EVERY = 1.0


class Steps(click.ParamType):  # type: ignore[type-arg]
    """Percentages such as ``5,25,50,100``; converted to the canary's shares, with the shadow's 0 in front."""

    name = "steps"

    def convert(
        self, value: str | tuple[float, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            steps = [float(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} are not percentages such as 5,25,50,100", param, ctx)
        try:
            return shares_of(steps)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def rollout() -> None:
    """Let a candidate prove itself: first in the shadow, then with a growing share of the requests.

    The judge compares it with the version in production after every second. It rolls a worse candidate back, promotes
    one that is shown not to be worse, and asks a person when it cannot tell.
    """


@rollout.command()
@click.argument("model", type=MODEL)
@click.argument("version", required=False)
@click.option("--shadow-only", is_flag=True, help="Only compare answers; no caller gets the candidate's.")
@click.option(
    "--steps", type=Steps(), default="5,25,50,100", show_default=True, help="Percent of requests; the shadow is first."
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=USUAL.margin,
    show_default=True,
    help="How much worse a promoted candidate may be at most.",
)
@click.option(
    "--seconds", type=click.IntRange(1), default=USUAL.seconds, show_default=True, help="The least length of a step."
)
@click.option(
    "--requests",
    type=click.IntRange(1),
    default=USUAL.requests,
    show_default=True,
    help="The fewest canary requests of a step, or compared rows of the shadow.",
)
@click.option(
    "--ab",
    type=(str, click.FloatRange(0, 100, min_open=True, max_open=True)),
    metavar="HEADER PERCENT",
    help="Split callers by this header's value instead. Reported, never judged.",
)
@click.option("--why", default="started by hand", show_default=True, help="Kept in the history.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and start nothing.")
def start(
    model: str,
    version: str | None,
    *,
    shadow_only: bool,
    steps: tuple[float, ...],
    margin: float,
    seconds: int,
    requests: int,
    ab: tuple[str, float] | None,
    why: str,
    dry_run: bool,
) -> None:
    """Start a rollout of VERSION of MODEL: its name, the beginning of it, or nothing for the candidate."""
    if ab and shadow_only:
        raise click.UsageError("--ab gives callers the candidate's answers, --shadow-only does not: choose one")
    try:
        candidate, production = resolve(model, version), stages.stages_of(model).production
        store.check(f"{model}:{candidate}", here().cards[model])
    except (VersionRefused, stages.StageChangeRefused, stages.StagesUnreadable) as error:
        raise click.ClickException(str(error)) from error
    if production is None:
        raise click.ClickException(f"{model} has no version in production to compare with: `jubako promote {model}`")
    plan = Plan(
        candidate=candidate,
        production=production,
        shares=(0.0,) if shadow_only or ab else steps,
        seconds=seconds,
        requests=requests,
        margin=margin,
        shadow_only=shadow_only,
        split=Split(header=ab[0], share=ab[1] / 100) if ab else None,
    )
    if dry_run:
        _told(lambda: record.check_start(model, record.read(model), plan))
        click.echo(words.announced(model, plan))
        return
    _told(lambda: record.start(model, plan, why))
    click.echo(words.announced(model, plan))
    click.echo(f"It has begun. Watch it with: jubako rollout status {model} --watch")


@rollout.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--watch", is_flag=True, help="Go on until it has ended.")
@click.option("--json", "as_json", is_flag=True, help="For programs: as GET /v1/models/MODEL/rollout.")
def status(model: str | None, watch: bool, as_json: bool) -> None:
    """Show the rollout of MODEL; without MODEL, of every model that has one."""
    if watch and (not model or as_json):
        raise click.UsageError("--watch shows one model in the terminal: name it, and leave out --json")
    screen = console()
    if watch and model:
        with Live(picture(screen, view(model)), console=screen, auto_refresh=False) as live:
            while (seen := view(model)).rollout is not None and seen.rollout.active:
                live.update(picture(screen, seen), refresh=True)
                time.sleep(REFRESH_EVERY)
            live.update(picture(screen, seen), refresh=True)
        return
    views = [found for name in ([model] if model else here()) if (found := view(name)).status or model or found.damaged]
    if as_json:
        click.echo("[" + ",\n".join(found.model_dump_json() for found in views) + "]")
    elif model:
        screen.print(picture(screen, views[0]))
    elif views:
        screen.print(overview(screen, views))
    else:
        screen.print("No model has a rollout: `jubako rollout start MODEL` begins one.")


@rollout.command()
@click.argument("model", type=MODEL)
@click.option("--why", default="paused by hand", show_default=True, help="Kept in the history.")
def pause(model: str, why: str) -> None:
    """Stay at this step. Harm still rolls back."""
    _move(model, "pause", why)


@rollout.command()
@click.argument("model", type=MODEL)
@click.option("--why", default="resumed by hand", show_default=True, help="Kept in the history.")
def resume(model: str, why: str) -> None:
    """Go on after a pause, or when the judge asked."""
    _move(model, "resume", why)


@rollout.command()
@click.argument("model", type=MODEL)
@click.option("--why", required=True, help="Kept in the history.")
def abort(model: str, why: str) -> None:
    """End the rollout: the version in production gets all requests."""
    _move(model, "abort", why)


@rollout.command()
@click.argument("model", type=MODEL)
@click.option("--why", required=True, help="Kept in the history.")
def promote(model: str, why: str) -> None:
    """Put the candidate into production now, whatever the evidence is."""
    _move(model, "promote", why)


@rollout.command()
@click.argument("model", type=MODEL)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def history(model: str, as_json: bool) -> None:
    """List every decision on rollouts of MODEL: when, who, what, why."""
    found = view(model)
    if as_json:
        click.echo(json.dumps([one.model_dump() for one in found.history], indent=2))
    elif found.history:
        screen = console()
        screen.print(history_table(screen, found))
    else:
        click.echo(found.summary)


rollout.add_command(disagreements)


def _told(change: Callable[[], object]) -> None:
    try:
        change()
    except (RolloutRefused, RolloutUnreadable) as error:
        raise click.ClickException(str(error)) from error


def _move(model: str, what: What, why: str) -> None:
    _told(lambda: record.move(model, what, why))
    click.echo(f"{model}: {view(model).summary}")
