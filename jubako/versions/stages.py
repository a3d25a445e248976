"""The stages of versions. The pointer file is the truth; MLflow's aliases mirror it.

In a Bento they begin with what was packed, and change only between packed versions: without a candidate never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from jubako.card import AnyCard
from jubako.models import AnyModel
from jubako.records import RecordFile
from jubako.versions import packed, store
from jubako.versions.history import Action, ModelStages, StageChange, current_user, with_change
from jubako.versions.manifest import VersionRefused

Stage = Literal["production", "candidate"]


class StagesUnreadable(Exception):
    """The pointer file is damaged, so it is unknown which version should serve."""


class StageChangeRefused(ValueError):
    """A promotion or rollback that is not possible; the message says why."""


class _Pointer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    models: dict[str, ModelStages] = {}


def pointer_file() -> Path:
    return packed.stages_folder() / "stages.json"


def stages_of(model: str) -> ModelStages:
    held = packed.versions()
    if held is not None and not held.candidates:
        return held.stages(model)
    return _of(model, _read())


def production(model: str) -> str | None:
    """The tag of the version in production."""
    version = stages_of(model).production
    return f"{model}:{version}" if version else None


def candidate(model: str) -> str | None:
    version = stages_of(model).candidate
    return f"{model}:{version}" if version else None


def history(model: str) -> tuple[StageChange, ...]:
    return stages_of(model).history


def admit(model: type[AnyModel], version: str, why: str) -> Stage:
    """Give a new version its stage: it serves if it is the first, or if the production version no longer opens;
    any other is the candidate."""
    name = model.card.name
    manifest = store.check(f"{name}:{version}", model.card)
    serves = stages_of(name).production
    broken = _why_refused(f"{name}:{serves}", model.card) if serves else None
    takes_over = serves is None or broken is not None
    if takes_over:
        store.open_version(f"{name}:{version}", model)

    def update(now: ModelStages) -> ModelStages:
        if not takes_over or now.production != serves:  # a concurrent training was faster
            return _changed(now, "candidate", version, why, manifest.metrics)
        reason = f"{why}; {broken}" if broken else why
        return _changed(now, "promote" if broken else "first", version, reason, manifest.metrics)

    return "candidate" if _change(name, version, update).action == "candidate" else "production"


def promote(model: type[AnyModel], version: str, why: str, who: str = "", *, loads: bool = True) -> StageChange:
    """Put this version into production, after loading and checking it. ``who``: by default the user of this process.

    ``loads``: whether to load it here; not needed for a version that serves already in a rollout.
    """
    tag = f"{model.card.name}:{version}"
    manifest = store.open_version(tag, model).manifest if loads else store.check(tag, model.card)

    def update(now: ModelStages) -> ModelStages:
        if now.production == manifest.version:
            raise StageChangeRefused(f"{manifest.tag} already is in production")
        return _changed(now, "promote", manifest.version, why, manifest.metrics, who=who)

    return _change(model.card.name, manifest.version, update)


def rollback(model: type[AnyModel], why: str, who: str = "") -> StageChange:
    """Put the previous version into production again."""
    name = model.card.name
    earlier = stages_of(name).earlier()
    if earlier is None:
        raise StageChangeRefused(f"{name} has no earlier production version to go back to")
    opened = store.open_version(f"{name}:{earlier}", model)

    def update(now: ModelStages) -> ModelStages:
        if now.earlier() != earlier:
            raise StageChangeRefused(f"the stages of {name} changed in between; look at `jubako models` and try again")
        return _changed(now, "rollback", earlier, why, opened.manifest.metrics, who=who)

    return _change(name, earlier, update)


def _why_refused(tag: str, card: AnyCard) -> str | None:
    try:
        store.check(tag, card)
    except VersionRefused as refused:
        return str(refused)
    return None


def _changed(
    now: ModelStages,
    action: Action,
    version: str,
    why: str,
    metrics: Mapping[str, float],
    *,
    who: str = "",
) -> ModelStages:
    is_candidate = action == "candidate"
    change = StageChange(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        source=now.candidate if is_candidate else now.production,
        target=version,
        why=why,
        metrics=dict(metrics),
        who=who or current_user(),
    )
    history = with_change(now.history, change)
    if is_candidate:
        return ModelStages(production=now.production, candidate=version, history=history)
    keeps = now.candidate if now.candidate != version else None
    return ModelStages(production=version, candidate=keeps, history=history)


def _change(model: str, version: str, update: Callable[[ModelStages], ModelStages]) -> StageChange:
    if refusal := packed.refusal(model, version):
        raise StageChangeRefused(refusal)

    def updated(pointer: _Pointer) -> _Pointer:
        return _Pointer(models={**pointer.models, model: update(_of(model, pointer))})

    return _file().change(updated).models[model].history[-1]


def _of(model: str, pointer: _Pointer) -> ModelStages:
    if model in pointer.models:
        return pointer.models[model]
    held = packed.versions()
    return held.stages(model) if held else ModelStages()


def _file() -> RecordFile[_Pointer]:
    advice = "put a good copy back, or move it away and promote the versions that should serve (`jubako promote`)"
    return RecordFile(pointer_file(), _Pointer, StagesUnreadable, advice)


def _read() -> _Pointer:
    return _file().read()
