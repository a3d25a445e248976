"""Which version serves. The pointer file is the truth; MLflow's aliases only mirror it. A Bento serves what it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jubako import durable, home
from jubako.versions import packed, store

Stage = Literal["production", "candidate"]


class StagesUnreadable(Exception):
    """The pointer file is damaged: nobody may guess what served."""


class NotMoved(ValueError):
    """A promotion or rollback that makes no sense, in words."""


class Move(BaseModel):
    """One line of a model's history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    action: Literal["first", "candidate", "promote", "rollback"]
    source: str | None
    """The version that stood there before."""
    target: str
    why: str
    metrics: dict[str, float]


class Shelf(BaseModel):
    """The stages of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    production: str | None = None
    candidate: str | None = None
    history: tuple[Move, ...] = ()

    def earlier(self) -> str | None:
        """The version to roll back to. A rollback takes one step down, never back up to what it left.

        >>> def move(action, target):
        ...     return Move(when="", action=action, source=None, target=target, why="", metrics={})
        >>> moves = (move("first", "a"), move("promote", "b"), move("promote", "c"), move("rollback", "b"))
        >>> Shelf(production="b", history=moves).earlier()
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
    models: dict[str, Shelf] = {}


def pointer_file() -> Path:
    return home.beside_the_store() / "stages.json"


def shelf(model: str) -> Shelf:
    held = packed.versions()
    if held is not None:
        return Shelf(production=held.get(model))
    return _read().models.get(model, Shelf())


def production(model: str) -> str | None:
    """The tag of the version that serves."""
    version = shelf(model).production
    return f"{model}:{version}" if version else None


def candidate(model: str) -> str | None:
    version = shelf(model).candidate
    return f"{model}:{version}" if version else None


def history(model: str) -> tuple[Move, ...]:
    return shelf(model).history


def admit(model: str, version: str, why: str) -> Stage:
    """Put a new version on the shelf: the first, or one after a production version that no longer opens, serves;
    any other waits as the candidate."""
    evidence = store.check(f"{model}:{version}")
    serves = shelf(model).production
    broken = _what_is_wrong(f"{model}:{serves}") if serves else None
    takes_over = serves is None or broken is not None
    if takes_over:
        store.open_version(f"{model}:{version}")

    def place(now: Shelf) -> Shelf:
        if not takes_over or now.production != serves:  # another training was first
            return _place(now, "candidate", version, why, evidence.metrics)
        reason = f"{why}; {broken}" if broken else why
        return _place(now, "promote" if broken else "first", version, reason, evidence.metrics)

    return "candidate" if _move(model, place).action == "candidate" else "production"


def promote(model: str, version: str, why: str) -> Move:
    """Let this version serve, once it proved that it can."""
    served = store.open_version(f"{model}:{version}")

    def place(now: Shelf) -> Shelf:
        if now.production == served.version:
            raise NotMoved(f"{served.tag} already is in production")
        return _place(now, "promote", served.version, why, served.evidence.metrics)

    return _move(model, place)


def rollback(model: str, why: str) -> Move:
    """Let the version serve that served before."""
    earlier = shelf(model).earlier()
    if earlier is None:
        raise NotMoved(f"{model} has no earlier production version to go back to")
    served = store.open_version(f"{model}:{earlier}")

    def place(now: Shelf) -> Shelf:
        if now.earlier() != earlier:
            raise NotMoved(f"somebody else moved {model} in between; look at `jubako models` and try again")
        return _place(now, "rollback", earlier, why, served.evidence.metrics)

    return _move(model, place)


def _what_is_wrong(tag: str) -> str | None:
    try:
        store.check(tag)
    except store.VersionRefused as refused:
        return str(refused)
    return None


def _place(
    now: Shelf,
    action: Literal["first", "candidate", "promote", "rollback"],
    version: str,
    why: str,
    metrics: Mapping[str, float],
) -> Shelf:
    waits = action == "candidate"
    move = Move(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        source=now.candidate if waits else now.production,
        target=version,
        why=why,
        metrics=dict(metrics),
    )
    if waits:
        return Shelf(production=now.production, candidate=version, history=(*now.history, move))
    keeps = now.candidate if now.candidate != version else None
    return Shelf(production=version, candidate=keeps, history=(*now.history, move))


def _move(model: str, place: Callable[[Shelf], Shelf]) -> Move:
    if packed.versions() is not None:
        raise NotMoved("a Bento serves what was packed into it: build another one, or go back to an earlier one")
    file = pointer_file()
    with durable.lock(file.with_suffix(".lock")):
        pointer = _read()
        after = place(pointer.models.get(model, Shelf()))
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
