"""The versions that were packed into the Bento that this code runs in, and where its stages are kept.

A service's model in ``bento.yaml`` was in production when it was built; a model beside the services is a candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from jubako import home
from jubako.versions.history import Action, ModelStages, StageChange, with_change


@dataclass(frozen=True)
class PackedVersions:
    """What a Bento holds; it never changes. The versions are by model."""

    tag: str
    """The Bento's own name and version."""
    built: str
    production: Mapping[str, str]
    candidates: Mapping[str, str]

    def of(self, model: str) -> tuple[str, ...]:
        return tuple(held[model] for held in (self.production, self.candidates) if model in held)

    def stages(self, model: str) -> ModelStages:
        """With which the Bento begins."""
        production, candidate = self.production.get(model), self.candidates.get(model)
        history: tuple[StageChange, ...] = ()
        packed: tuple[tuple[Action, str | None], ...] = (("first", production), ("candidate", candidate))
        for action, version in packed:
            if version is not None:
                why = f"packed into {self.tag}"
                change = StageChange(when=self.built, action=action, source=None, target=version, why=why, metrics={})
                history = with_change(history, change)
        return ModelStages(production=production, candidate=candidate, history=history)


def versions() -> PackedVersions | None:
    """``None`` in a checkout, where the store and the stage pointer beside it count."""
    bento = home.bento()
    return _read(bento / home.BENTO_YAML) if bento else None


def stages_folder() -> Path:
    """Where stages and rollouts are kept: beside the store. A Bento has its own, since it may be read-only, and the
    machine's store and its stages belong to a checkout. Its next build begins anew, with what was packed into that."""
    held = versions()
    return home.jubako_home() / "bentos" / held.tag.replace(":", "/") if held else home.beside_the_store()


def refusal(model: str, version: str) -> str | None:
    """Why a version can get no stage here; ``None`` when it can."""
    held = versions()
    if held is None:
        return None
    if not held.candidates:
        return "a Bento serves what was packed into it: build another one, or go back to an earlier one"
    if version not in held.of(model):
        return f"{model}:{version} is not in {held.tag}, which holds {' and '.join(held.of(model))}: build another one"
    return None


@lru_cache(maxsize=1)
def _read(file: Path) -> PackedVersions:
    content = yaml.safe_load(file.read_bytes())
    return PackedVersions(
        tag=f"{content['name']}:{content['version']}",
        built=datetime.fromisoformat(content["creation_time"]).isoformat(timespec="seconds"),
        production=_by_model(model for service in content["services"] for model in service.get("models") or ()),
        candidates=_by_model(content.get("models") or ()),
    )


def _by_model(models: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    return dict(model["tag"].split(":", 1) for model in models)
