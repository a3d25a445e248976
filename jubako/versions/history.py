"""What happened to the stages of one model. Each entry has the hash of all entries up to it, so an edited one shows."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

Action = Literal["first", "candidate", "promote", "rollback"]


class StageChange(BaseModel):
    """One entry in a model's history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    action: Action
    source: str | None
    """The version that had the stage before."""
    target: str
    why: str
    metrics: dict[str, float]
    who: str = ""
    """A user, or what decided by itself; empty in histories from before it was kept."""
    hash: str = ""


class ModelStages(BaseModel):
    """The stages of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    production: str | None = None
    candidate: str | None = None
    history: tuple[StageChange, ...] = ()

    def earlier(self) -> str | None:
        """The version to roll back to. Two rollbacks go back two versions, never forth to one that was rolled back.

        >>> def change(action, target):
        ...     return StageChange(when="", action=action, source=None, target=target, why="", metrics={})
        >>> changes = (change("first", "a"), change("promote", "b"), change("promote", "c"), change("rollback", "b"))
        >>> ModelStages(production="b", history=changes).earlier()
        'a'
        """
        trail: list[str] = []
        for change in self.history:
            if change.action == "rollback":
                trail = trail[:-1]
            elif change.action != "candidate":
                trail = [*(version for version in trail if version != change.target), change.target]
        return trail[-2] if len(trail) > 1 else None


def with_change(history: tuple[StageChange, ...], change: StageChange) -> tuple[StageChange, ...]:
    """The history with one more entry, which gets its hash."""
    *_, last = _chain((*history, change))
    return (*history, change.model_copy(update={"hash": last}))


def first_edited(history: tuple[StageChange, ...]) -> int | None:
    """The place of the first entry that does not fit its hash: it, or an earlier one without a hash, was edited.

    >>> def change(target):
    ...     return StageChange(when="", action="promote", source=None, target=target, why="", metrics={})
    >>> history = with_change(with_change((), change("a")), change("b"))
    >>> first_edited(history), first_edited((history[0].model_copy(update={"why": "other"}), history[1]))
    (None, 0)
    >>> first_edited(history[1:])
    0
    """
    for place, (change, expected) in enumerate(zip(history, _chain(history), strict=True)):
        if change.hash not in ("", expected):
            return place
    return None


def _chain(history: tuple[StageChange, ...]) -> Iterator[str]:
    before = ""
    for change in history:
        # Entries from before there were these two have neither in their hash.
        fields = {key: value for key, value in change.model_dump(exclude={"hash"}).items() if key != "who" or value}
        before = hashlib.sha256(f"{before}{json.dumps(fields, sort_keys=True)}".encode()).hexdigest()
        yield before


def current_user() -> str:
    """Who changes a stage: the user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
