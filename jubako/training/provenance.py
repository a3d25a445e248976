"""What a version was made from: collected at training, checked wherever the version goes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from jubako import home
from jubako.card import Row
from jubako.commit import Commit
from jubako.models import AnyModel
from jubako.text import TextModel
from jubako.training.data import TrainingData, TrainingRequest
from jubako.training.fitting import Evaluation, SavedModel
from jubako.training.recipe import Params
from jubako.training.split import Places
from jubako.versions import known_words
from jubako.versions.golden import Golden, record
from jubako.versions.known_words import KnownWords
from jubako.versions.manifest import GateResult, TrainingFacts

LOCK = "requirements.lock"
GOLDEN_ROWS = 64
GOLDEN_BYTES = 4_000_000
"""Large pictures are few, so that a version stays small and opens fast."""
FRAMEWORKS = (
    "lightgbm",
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "skl2onnx",
    "skops",
    "torch",
    "transformers",
    "xgboost",
)


def lock_sha256() -> str | None:
    file = home.repository() / LOCK
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None


def frameworks() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in FRAMEWORKS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def golden(rows: Sequence[Row], held_out: Places, native: AnyModel, served: AnyModel) -> Golden:
    """Held-out rows spread evenly over the table, as many as fit the budget."""
    chosen: list[Row] = []
    left = GOLDEN_BYTES
    for place in held_out[np.linspace(0, len(held_out) - 1, min(GOLDEN_ROWS, len(held_out))).astype(np.intp)]:
        left -= len(rows[int(place)].model_dump_json())
        if left < 0 and chosen:
            break
        chosen.append(rows[int(place)])
    return record(chosen, native, served)


def write_words(data: TrainingData, folder: Path) -> None:
    """The words of its texts into the version's files; nothing for a model of anything else."""
    if issubclass(data.recipe.model, TextModel):
        learned, held_out = (data.rows(places).tolist() for places in (data.split.learn, data.split.held_out))
        (folder / known_words.FILE).write_bytes(KnownWords.of(learned, held_out).dump())


def facts(
    data: TrainingData,
    request: TrainingRequest,
    saved: SavedModel,
    evaluation: Evaluation,
    result: GateResult,
    *,
    params: Params,
    commit: Commit,
    run_id: str,
    registered_version: str,
) -> TrainingFacts:
    return TrainingFacts(
        model=data.card.name,
        run_id=run_id,
        registered_version=registered_version,
        git_commit=commit.sha,
        git_dirty=commit.is_dirty,
        data=data.data,
        lock_sha256=lock_sha256(),
        seed=request.seed,
        params=dict(params),
        metrics=evaluation.metrics,
        gate=result,
        engine=saved.served.engine,
        parity=dict(saved.parity),
        frameworks=frameworks(),
        base=saved.fitted.base,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
