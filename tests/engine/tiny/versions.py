"""Versions of the tiny models, written as training writes them, in production at once."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from jubako.models import AnyModel
from jubako.versions import golden, stages, writing
from jubako.versions.manifest import DataFacts, GateResult, TrainingFacts
from tests.engine.tiny.models import BlobModel, NoteModel, SumModel
from tests.homes import Home

TINY: tuple[type[AnyModel], ...] = (SumModel, NoteModel, BlobModel)

VERSION = "20261127-000000-tiny00"


def home_with_tiny_versions(root: Path) -> Home:
    """A home with a version of each tiny model in production."""
    place = Home(root)
    with pytest.MonkeyPatch.context() as patch:
        place.use(patch)
        for model in TINY:
            make(model)
    return place


def make(model: type[AnyModel], version: str = VERSION, factor: float = 1.0, **more: Any) -> str:
    """A version of a tiny model with this factor; the tag."""
    card = model.card
    made = model(factor, **more)  # type: ignore[call-arg]
    rows = [card.row.model_validate_json(json.dumps(example)) for example in card.examples]
    batch = made.encode(rows)
    with tempfile.TemporaryDirectory() as place:
        made.save(Path(place))
        facts = TrainingFacts(
            model=card.name,
            run_id="0" * 32,
            registered_version=None,
            git_commit=None,
            git_dirty=None,
            data=DataFacts(source="made", sha256="0" * 64, rows=2, held_out=2),
            lock_sha256=None,
            seed=0,
            params={},
            metrics={card.gate.metric: 1.0},
            gate=GateResult(metric=card.gate.metric, value=1.0, bound=card.gate.bound),
            engine=made.engine,
            parity={},
            frameworks={},
            trained_at="2026-11-27T00:00:00+00:00",
        )
        known = golden.record(rows, made, made)
        columns = made.signals(batch, made.predict(batch))
        tag = writing.write(facts, version, Path(place), known, columns, model=model)
    stages.admit(model, version, "tiny")
    return tag
