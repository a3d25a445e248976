"""``jubako health``: how fast and how safely new versions reach production, and how good they are there."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from jubako import home
from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.health import WEEK, ModelHealth, weeks
from jubako.health import health as health_of
from jubako.monitoring.archive import database
from jubako.monitoring.report import words
from jubako.rollout import record
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

SHOWN_WEEKS = 4


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--days", type=click.IntRange(1, 3_650), default=90, show_default=True, help="How far back.")
@click.option("--json", "as_json", is_flag=True, help="For programs: seconds, and every week.")
def health(model: str | None, *, days: int, as_json: bool) -> None:
    """Tell the four numbers of a team, of MODEL or of all: time to serving, deployments and how many were rolled back,
    time to notice and to restore, live quality week by week.
    """
    try:
        found = [_of(name, days) for name in ([model] if model else here())]
    except (stages.StagesUnreadable, record.RolloutUnreadable) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    screen = console()
    screen.print(table(screen, _cells(found)))
    screen.print(f"[dim]Of the last {days} days; times are medians. Quality: the newest {SHOWN_WEEKS} weeks.[/]")


def _of(name: str, days: int) -> ModelHealth:
    card, now = here().cards[name], time.time()
    file = home.monitoring() / database.FILE
    by_week = weeks(file, card, now, max(1, round(days * 86_400 / WEEK)))

    def trained(version: str) -> str | None:
        try:
            return store.read_manifest(f"{name}:{version}").trained_at
        except VersionRefused:
            return None

    return health_of(
        card,
        stages.history(name),
        record.read(name).history,
        trained=trained,
        weeks=by_week,
        now=now,
        days=days,
    )


def _cells(found: list[ModelHealth]) -> dict[str, list[str]]:
    return {
        "model": [one.model for one in found],
        "training to serving": [_time(one.seconds_to_serving) for one in found],
        "deployments a month": [f"{one.deployments_a_month:.2g}" for one in found],
        "rolled back": [f"{one.rolled_back} of {one.deployments}" for one in found],
        "rollouts stopped": [f"{one.stopped} of {one.rollouts}" for one in found],
        "to notice": [_time(one.seconds_to_notice) for one in found],
        "to restore": [_time(one.seconds_to_restore) for one in found],
        "live quality": [_quality(one) for one in found],
    }


def _quality(one: ModelHealth) -> str:
    values = [words.number(week.value) for week in one.weeks[-SHOWN_WEEKS:]]
    return f"{one.metric} {' '.join(values)}" if any(value != words.NOTHING for value in values) else words.NOTHING


def _time(seconds: float | None) -> str:
    """
    >>> _time(40.0), _time(4_000.0), _time(200_000.0), _time(None) == words.NOTHING
    ('40 s', '67 min', '56 h', True)
    """
    if seconds is None:
        return words.NOTHING
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"
