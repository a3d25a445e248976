"""A version of a model that came without rows whose truth is known: proven to answer as it did, judged by nobody."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from jubako.card import Row
from jubako.commit import git
from jubako.importing.decisions import logged_value
from jubako.importing.export import to_onnx
from jubako.importing.model import ImportedModel
from jubako.importing.natives import Native
from jubako.importing.source import Source
from jubako.models import Runtime
from jubako.training import provenance
from jubako.training.gate import answers
from jubako.versions import stages, writing
from jubako.versions.manifest import DataFacts, GateResult, TrainingFacts


def store(
    model: type[ImportedModel[Any, Any]], native: Native, source: Source, given: Sequence[Mapping[str, Any]]
) -> tuple[str, stages.Stage, str]:
    """Its tag, its stage, and what computes."""
    card = model.card
    rows: list[Row] = [card.row.model_validate(row) for row in given]
    batch = model.encode(rows)
    value = logged_value(card.gate.metric, source.metrics)
    commit = git()
    with tempfile.TemporaryDirectory(prefix="jubako-") as place:
        folder = Path(place)
        fitted = model(native=native)
        fitted.save(folder)
        parity = to_onnx(fitted, folder, batch)
        kept, served = model.load(folder, Runtime(engine="native")), model.load(folder)
        version = writing.new_version(source.run_id or "import")
        facts = TrainingFacts(
            model=card.name,
            run_id=source.run_id or "",
            registered_version=None,
            git_commit=commit.sha,
            git_dirty=commit.is_dirty,
            data=DataFacts(source=source.uri, sha256=_sha256(given), rows=len(rows), held_out=0),
            lock_sha256=provenance.lock_sha256(),
            seed=0,
            params={},
            metrics=dict(source.metrics),
            gate=GateResult(metric=card.gate.metric, value=value, bound=card.gate.bound),
            engine=served.engine,
            parity=parity,
            frameworks=provenance.frameworks(),
            base=source.uri,
            trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        golden = provenance.golden(rows, np.arange(len(rows)), kept, served)
        columns = model.signals(batch, answers(served, batch))
        tag = writing.write(facts, version, folder, golden, columns, model=model)
    return tag, stages.admit(model, version, f"imported from {source.uri}"), served.engine


def _sha256(rows: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
