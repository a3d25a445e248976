"""Which version serves. The pointer file is the truth; MLflow's aliases only mirror it. A Bento serves what it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jubako import durable, home
from jubako.card import AnyCard
from jubako.models import AnyModel
from jubako.versions import packed, store
from jubako.versions.manifest import VersionRefused

Stage = Literal["production", "candidate"]


class StagesUnreadable(Exception):
    """The pointer file is damaged: nobody may guess what served."""


class StageChangeRefused(ValueError):
    """A promotion or rollback that makes no sense, in words."""


class StageChange(BaseModel):
    """One line of a model's history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    action: Literal["first", "candidate", "promote", "rollback"]
    source: str | None
    """The version that stood there before."""
    target: str
    why: str
    metrics: dict[str, float]


class ModelStages(BaseModel):
    """The stages of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    production: str | None = None
    candidate: str | None = None
    history: tuple[StageChange, ...] = ()

    def earlier(self) -> str | None:
        """The version to roll back to. A rollback takes one step down, never back up to what it left.

        >>> def move(action, target):
        ...     return StageChange(when="", action=action, source=None, target=target, why="", metrics={})
        >>> moves = (move("first", "a"), move("promote", "b"), move("promote", "c"), move("rollback", "b"))
        >>> ModelStages(production="b", history=moves).earlier()
        'a'
        """
        trail: list[str] = []
        for move in self.history:
            if move.action == "rollback":
                trail = trail[:-1]
            elif move.action != "candidate":
                trail = [*(version for version in trail if version != move.target), move.target]
        return trail[-2] if len(trail) > 1 else None


class _Pointer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    models: dict[str, ModelStages] = {}


def pointer_file() -> Path:
    return home.beside_the_store() / "stages.json"


def stages_of(model: str) -> ModelStages:
    held = packed.versions()
    if held is not None:
        return ModelStages(production=held.get(model))
    return _read().models.get(model, ModelStages())


def production(model: str) -> str | None:
    """The tag of the version that serves."""
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
    broken = _what_is_wrong(f"{name}:{serves}", model.card) if serves else None
    takes_over = serves is None or broken is not None
    if takes_over:
        store.open_version(f"{name}:{version}", model)

    def place(now: ModelStages) -> ModelStages:
        if not takes_over or now.production != serves:  # another training was first
            return _place(now, "candidate", version, why, manifest.metrics)
        reason = f"{why}; {broken}" if broken else why
        return _place(now, "promote" if broken else "first", version, reason, manifest.metrics)

    return "candidate" if _change(name, place).action == "candidate" else "production"


def promote(model: type[AnyModel], version: str, why: str) -> StageChange:
    """Let this version serve, once it proved that it can."""
    opened = store.open_version(f"{model.card.name}:{version}", model)

    def place(now: ModelStages) -> ModelStages:
        if now.production == opened.version:
            raise StageChangeRefused(f"{opened.tag} already is in production")
        return _place(now, "promote", opened.version, why, opened.manifest.metrics)

    return _change(model.card.name, place)


def rollback(model: type[AnyModel], why: str) -> StageChange:
    """Let the version serve that served before."""
    name = model.card.name
    earlier = stages_of(name).earlier()
    if earlier is None:
        raise StageChangeRefused(f"{name} has no earlier production version to go back to")
    opened = store.open_version(f"{name}:{earlier}", model)

    def place(now: ModelStages) -> ModelStages:
        if now.earlier() != earlier:
            raise StageChangeRefused(f"the stages of {name} changed in between; look at `jubako models` and try again")
        return _place(now, "rollback", earlier, why, opened.manifest.metrics)

    return _change(model.card.name, place)


def _what_is_wrong(tag: str, card: AnyCard) -> str | None:
    try:
        store.check(tag, card)
    except VersionRefused as refused:
        return str(refused)
    return None


def _place(
    now: ModelStages,
    action: Literal["first", "candidate", "promote", "rollback"],
    version: str,
    why: str,
    metrics: Mapping[str, float],
) -> ModelStages:
    waits = action == "candidate"
    move = StageChange(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        source=now.candidate if waits else now.production,
        target=version,
        why=why,
        metrics=dict(metrics),
    )
    if waits:
        return ModelStages(production=now.production, candidate=version, history=(*now.history, move))
    keeps = now.candidate if now.candidate != version else None
    return ModelStages(production=version, candidate=keeps, history=(*now.history, move))


def _change(model: str, place: Callable[[ModelStages], ModelStages]) -> StageChange:
    if packed.versions() is not None:
        raise StageChangeRefused(
            "a Bento serves what was packed into it: build another one, or go back to an earlier one"
        )
    file = pointer_file()
    with durable.lock(file.with_suffix(".lock")):
        pointer = _read()
        after = place(pointer.models.get(model, ModelStages()))
        models = {**pointer.models, model: after}
        durable.write_whole(file, _Pointer(models=models).model_dump_json(indent=1).encode())
    return after.history[-1]


def _read() -> _Pointer:
    file = pointer_file()
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return _Pointer()
    try:
        return _Pointer.model_validate(json.loads(content))
    except (ValueError, ValidationError) as error:
        raise StagesUnreadable(
            f"{file} is damaged ({str(error).splitlines()[0]}). Put a good copy back, or move it away "
            "and promote the versions that should serve with `jubako promote MODEL VERSION`."
        ) from error
