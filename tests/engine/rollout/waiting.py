"""Waits for what other processes do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jubako.rollout import record
from jubako.rollout.record import Rollout


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - other processes set no event
        await asyncio.sleep(0.1)


async def reached(status: str, step: int = 0, model: str = "faulty") -> Rollout:
    """The rollout once it has this status and step. Fails when it ends otherwise."""
    while True:
        rollout = (await asyncio.to_thread(record.read, model)).current
        assert rollout is not None
        if rollout.status == status and rollout.step >= step:
            return rollout
        assert rollout.active, rollout
        await asyncio.sleep(0.2)
