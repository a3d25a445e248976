"""``jubako evaluate``: the metrics of a version on labelled rows, beside those of its training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from jubako import collection, durable
from jubako.commands.arguments import MODEL
from jubako.commands.screen import console, table
from jubako.commands.versions import resolve
from jubako.scores import scores
from jubako.training.data import TrainingRequest, checked, load
from jubako.training.gate import answers
from jubako.training.recipe import DataRefused, Dataset
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused
from jubako.versions.store import LoadedVersion


@click.command()
@click.argument("model", type=MODEL)
@click.option("--data", required=True, metavar="PATH|sklearn|hf:NAME", help="Rows with their truth, as for training.")
@click.option("--version", metavar="VERSION", help="Its name or the beginning of it; by default what serves.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="All answers with their truth, as JSONL."
)
def evaluate(model: str, data: str, version: str | None, output: Path | None) -> None:
    """Evaluate a version of MODEL on rows that it was not trained on.

    \b
    jubako evaluate churn --data last-month.csv
    jubako evaluate churn --data last-month.csv --version 20261121 --output answers.jsonl
    """
    recipe = collection.here().recipes[model]
    card = recipe.card
    try:
        served = store.open_version(_tag(model, version), recipe.model)
        dataset = load(recipe, TrainingRequest(data))
        batch = checked(recipe, dataset)
    except (DataRefused, VersionRefused, stages.StageChangeRefused, stages.StagesUnreadable) as refused:
        raise click.ClickException(str(refused)) from refused
    outputs = answers(served.model, batch)
    found = scores(card, dataset.truth, outputs)
    if output is not None:
        durable.write_whole(output, "".join(_lines(served, dataset, outputs)).encode())
    screen = console()
    screen.print(f"{served.tag} on {len(dataset):,} rows of {dataset.source}")
    before = served.manifest.metrics
    columns = {
        "metric": list(found),
        "here": [_short(value) for value in found.values()],
        "in training": [_short(before[name]) if name in before else "" for name in found],
    }
    screen.print(table(screen, columns))
    gate = card.gate
    if not gate.passes(found[gate.metric]):
        raise click.ClickException(f"{gate.metric} {found[gate.metric]:.4g} is below the gate at {gate.bound:g}")


def _short(value: float) -> str:
    """
    >>> _short(0.84171), _short(52904.3)
    ('0.8417', '52,904')
    """
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _tag(model: str, version: str | None) -> str:
    if version is not None:
        return f"{model}:{resolve(model, version)}"
    tag = stages.production(model)
    if tag is None:
        raise stages.StageChangeRefused(f"{model} has no version that serves; `jubako train {model}` makes one")
    return tag


def _lines(served: LoadedVersion, dataset: Dataset, outputs: np.ndarray) -> Iterator[str]:
    classes = served.model.card.classes
    for row, (answer, truth) in enumerate(zip(served.model.decode(outputs), dataset.truth.tolist(), strict=True)):
        named = classes[int(truth)] if classes else truth
        yield json.dumps({"row": row, **answer, "truth": named}) + "\n"
