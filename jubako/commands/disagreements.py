"""``jubako rollout disagreements``: the rows on which production and the candidate differ."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jubako import durable, home
from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.commands.versions import resolve
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.quality.disagreements import Disagreement
from jubako.monitoring.quality.disagreements import disagreements as find
from jubako.rollout import record
from jubako.rollout.record import RolloutUnreadable
from jubako.versions.stages import StageChangeRefused


@click.command()
@click.argument("model", type=MODEL)
@click.option("--candidate", metavar="VERSION", help="Its name or the beginning of it; by default the last rollout's.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write them to be labelled.")
def disagreements(model: str, *, candidate: str | None, limit: int, as_json: bool, file: Path | None) -> None:
    """List rows of MODEL on which production and the candidate differ, with both answers.

    Label these first: they say most about which version is better. Send each id with its truth to /v1/feedback.
    """
    version = _candidate(model, candidate)
    found = find(home.monitoring() / FILE, here().models[model], version, limit)
    if file is not None:
        durable.write_whole(file, as_csv(found).encode())
        click.echo(f"Wrote {len(found)} rows to {file}: fill in the truth, and send it with the id to /v1/feedback")
    elif as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif not found:
        click.echo(f"No row is known on which {model}:{version} and production differ.")
    else:
        screen = console()
        screen.print(f"Newest rows on which {model}:{version} and production differ:")
        screen.print(_shown(screen, found))


def _candidate(model: str, named: str | None) -> str:
    try:
        if named is not None:
            return resolve(model, named)
        rollout = record.read(model).current
    except (StageChangeRefused, RolloutUnreadable) as error:
        raise click.ClickException(str(error)) from error
    if rollout is None:
        raise click.ClickException(f"{model} has had no rollout: `jubako rollout start {model}` begins one")
    return rollout.plan.candidate


def as_csv(found: Sequence[Disagreement]) -> str:
    """A line for each row, with an empty ``truth`` where none was told.

    >>> one = Disagreement("a:1:m.0", "now", {"left": 2.0}, {"label": "x", "shares": {"x": 0.9}}, {"label": "y"})
    >>> print(as_csv([one]).strip())
    id,at,left,production.label,production.shares,candidate.label,truth
    a:1:m.0,now,2.0,x,"{""x"": 0.9}",y,
    """
    lines = [
        {
            "id": one.id,
            "at": one.at,
            **(one.row or {}),
            **{f"production.{name}": _cell(value) for name, value in one.production.items()},
            **{f"candidate.{name}": _cell(value) for name, value in one.candidate.items()},
            "truth": one.truth,
        }
        for one in found
    ]
    names = list(dict.fromkeys(name for line in lines for name in line if name != "truth"))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names, "truth"] if lines else ["id", "truth"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value


def _shown(screen: Console, found: Sequence[Disagreement]) -> Table:
    columns = {
        "id": [one.id for one in found],
        "when": [one.at[:16].replace("T", " ") for one in found],
        "production": [_brief(one.production) for one in found],
        "candidate": [_brief(one.candidate) for one in found],
        "truth": ["" if one.truth is None else escape(str(one.truth)) for one in found],
        "row": ["not kept" if one.row is None else _brief(one.row) for one in found],
    }
    return table(screen, columns, spare=("when",), wrapped=("production", "candidate", "row"))


def _brief(fields: Mapping[str, Any]) -> str:
    """
    >>> _brief({"species": "setosa", "probabilities": {"setosa": 0.51}, "size": 1.25})
    'species setosa, size 1.25'
    """
    plain = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    return escape(", ".join(f"{name} {_short(value)}" for name, value in plain.items()))


def _short(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
