"""What a training of the loop learns from: half of it the newest labelled rows, half a uniform sample of older ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jubako.card import Row
from jubako.loop.looking import SortedRows
from jubako.loop.policy import fresh_needed, unseen_needed
from jubako.loop.record import LoopTraining
from jubako.loop.settings import LoopSettings
from jubako.models import AnyModel
from jubako.monitoring.quality.labelled import LabelledRows
from jubako.training import tables
from jubako.training.data import GivenRows, TrainingRequest, load
from jubako.training.recipe import Dataset, Recipe, Truth
from jubako.training.split import row_keys
from jubako.versions.manifest import Manifest


def request(
    recipe: Recipe, found: SortedRows, production: Manifest, training: LoopTraining, rules: LoopSettings
) -> TrainingRequest:
    """The same recipe, parameters, seed and number of rows as those of the version in production, on other rows."""
    own = load(recipe, own_data(production))
    learnable = found.learnable.where(found.learnable.told <= training.until)
    rows = production.data.rows - production.data.held_out
    half = max(fresh_needed(rows, rules), rows // 2)
    unseen = _of_the_newest(
        found.unseen(training.since, training.until), learnable.told[-half:], unseen_needed(fresh_needed(rows, rules))
    )
    judged = _dataset(recipe.model, unseen, "unseen")
    known = set(row_keys(judged))
    newest = _without(_dataset(recipe.model, learnable, "live"), known)
    older = tables.joined(_part(newest, range(max(len(newest) - half, 0))), _without(own, known))
    newest = _part(newest, range(max(len(newest) - half, 0), len(newest)))
    chance = np.random.default_rng(production.seed)
    chosen = chance.permutation(len(older))[: len(newest)].tolist()
    learn = tables.joined(newest, _part(older, sorted(chosen)))
    source = f"{len(newest):,} newest and {len(chosen):,} older labelled rows, {_period(unseen)}"
    params = {name: value for name, value in production.params.items() if name in recipe.defaults}
    given = GivenRows(tables.dataset(learn.rows, learn.truth, source), judged, own.source)
    return TrainingRequest(params=params, seed=production.seed, given=given)


def _of_the_newest(unseen: LabelledRows, told: NDArray[np.float64], needed: int) -> LabelledRows:
    """The control rows of the time in which the newest rows were labelled, or somewhat more: as many as are needed."""
    first = int(np.searchsorted(unseen.told, told[0])) if len(told) else 0
    return unseen.where(np.arange(len(unseen)) >= min(first, max(len(unseen) - needed, 0)))


def own_data(production: Manifest) -> TrainingRequest:
    """The data from which production, or the first version before it, was trained."""
    source = production.data.own or production.data.source
    given = source == "sklearn" or source.startswith("hf:") or Path(source).expanduser().exists()
    size = None if given else _made_rows(source)
    return TrainingRequest(data=source if given else None, seed=production.seed, size=size)


def _made_rows(source: str) -> int | None:
    """
    >>> _made_rows("made (seed 7, 6000 rows)"), _made_rows("somewhere else")
    (6000, None)
    """
    words = source.replace(",", "").removesuffix(" rows)").split()
    return int(words[-1]) if source.startswith("made") and source.endswith(" rows)") and words[-1].isdigit() else None


def _dataset(model: type[AnyModel], rows: LabelledRows, source: str) -> Dataset:
    truth: Truth = rows.truth if model.card.task == "regression" else rows.truth.astype(np.int64)
    found: Sequence[Row] = model.rows(rows.batch) if len(rows) else ()
    return Dataset(found, truth, source, "")


def _part(dataset: Dataset, places: Sequence[int]) -> Dataset:
    rows = [dataset.rows[place] for place in places]
    return Dataset(rows, dataset.truth[np.asarray(places, dtype=np.intp)], dataset.source, "")


def _without(dataset: Dataset, keys: set[str]) -> Dataset:
    """A row that a new version is judged on is not learnt from, wherever else it stands."""
    plain = Dataset(dataset.rows, dataset.truth, dataset.source, "")
    return _part(plain, [place for place, key in enumerate(row_keys(plain)) if key not in keys])


def _period(unseen: LabelledRows) -> str:
    if not len(unseen) or unseen.at[-1] < 1e9:  # a file's lines have no time
        return f"judged on {len(unseen):,}"
    days = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (unseen.at.min(), unseen.at.max())]
    return f"judged on {len(unseen):,} from {days[0]} to {days[1]}"
