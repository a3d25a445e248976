"""Facts about models and versions: the answers of ``GET /v1/models...``."""

from __future__ import annotations

from typing import Any

from jubako.batching import RunnerStatus
from jubako.card import AnyCard
from jubako.gateway.problems import NotFoundProblem
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused


def model_summary(card: AnyCard, status: RunnerStatus) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "framework": card.framework,
        "task": card.task,
        "version": status.version.partition(":")[2] if status.version else None,
        "ready": status.ready,
        "engine": status.engine,
        "device": status.device,
        "why": status.why,
        "predict": f"/v1/{card.name}/predict",
    }


def model_facts(card: AnyCard, status: RunnerStatus) -> dict[str, Any]:
    stages_now = stages.stages_of(card.name)
    return {
        **model_summary(card, status),
        "stages": {"production": stages_now.production, "candidate": stages_now.candidate},
        "versions": store.versions(card.name),
        "history": [change.model_dump() for change in stages_now.history[-50:]],
        "media": card.media,
        "max_rows": card.batching.max_rows,
        "row_schema": card.row.model_json_schema(),
        "prediction_schema": card.prediction.model_json_schema(),
        "classes": list(card.classes),
        "examples": [dict(example) for example in card.examples] if card.media == "json" else [],
        "gate": {"metric": card.gate.metric, "bound": card.gate.bound, "tolerance": card.gate.tolerance},
    }


def version_facts(card: AnyCard, version: str) -> dict[str, Any]:
    """The whole manifest of a version, and the field names of the public contract."""
    name = card.name
    try:
        manifest = store.read_manifest(f"{name}:{version}")
    except VersionRefused as refused:
        raise NotFoundProblem(f"{name} has no version {version!r} that can be trusted: {refused.why}") from None
    whole = manifest.model_dump(mode="json")
    return {
        **whole,
        "name": name,
        "version": version,
        "run_id": manifest.run_id,
        "git_commit": manifest.git_commit,
        "data_hash": manifest.data.sha256,
        "metrics": manifest.metrics,
        "schema": card.row.model_json_schema(),
        "trained_at": manifest.trained_at,
    }
