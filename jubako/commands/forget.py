"""``jubako forget``: delete what is kept of one prediction."""

from __future__ import annotations

import click

from jubako import home
from jubako.collection import here
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.forgetting import forget as forget_prediction
from jubako.monitoring.quality.feedback import TruthRefused, split_id


@click.command()
@click.argument("prediction", metavar="PREDICTION-ID")
def forget(prediction: str) -> None:
    """Delete the row, the answer, the signals, the pairs and the truth of one prediction.

    A version that was trained on the row stays as it is, with its golden and reference rows: delete such versions, too.
    """
    try:
        key = split_id(prediction)
    except TruthRefused as refused:
        raise click.UsageError(f"PREDICTION-ID {refused}") from refused
    if key[0] not in here().cards:
        raise click.UsageError(f"there is no model {key[0]}")
    file = home.monitoring() / FILE
    found = forget_prediction(file, key) if file.exists() else None
    if found is None or not (found.prediction or found.truth or found.pairs):
        raise click.ClickException(f"nothing is kept of {prediction}")
    parts = {
        "its answer and signals": found.prediction,
        "its row": found.row,
        f"{found.pairs} pairs": found.pairs > 0,
        "its truth": found.truth,
    }
    click.echo(f"Deleted of {prediction}: {', '.join(part for part, was in parts.items() if was)}.")
