"""The process of an arm: started for one version, restarted when it ends, gone when it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from jubako.rollout import process as processes
from jubako.rollout.process import ArmProcess
from jubako.settings import RunnerSettings
from tests.engine.rollout.waiting import until
from tests.engine.tiny.models import SumModel
from tests.engine.tiny.versions import VERSION, home_with_tiny_versions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_with_tiny_versions(tmp_path).use(monkeypatch)


@asynccontextmanager
async def started(version: str) -> AsyncIterator[ArmProcess]:
    process = ArmProcess(SumModel, version, RunnerSettings(), niceness=1)
    try:
        yield process
    finally:
        await process.close()


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children() if "jubako.runner.arm" in child.cmdline()]


async def test_a_process_that_ends_is_replaced_and_none_is_left_after_it_is_closed() -> None:
    async with started(VERSION) as arm:
        await until(lambda: arm.ready)
        (first,) = children()
        assert arm.usage().memory_bytes > 0
        psutil.Process(first).kill()
        await until(lambda: arm.deaths == 1)
        assert not arm.ready
        assert arm.was_ready
        await until(lambda: arm.ready)
        assert children() != [first]
    assert children() == []


async def test_a_version_that_is_refused_never_gets_ready_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started("20261128-000000-absent") as arm:
        await until(lambda: "no such version" in (arm.why or ""))
        assert arm.why_never_ready() == ""
        monkeypatch.setattr(processes, "READY_WITHIN", 0.0)
        assert "no such version in the store" in arm.why_never_ready()
