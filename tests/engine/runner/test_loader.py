"""What a runner does about a version that it refuses."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from jubako.runner import loader
from jubako.runner.loader import ModelLoader
from jubako.settings import RunnerSettings
from jubako.versions import stages
from tests.chaos.versions import flip_a_byte
from tests.five import MODELS
from tests.homes import Home


class Clock:
    """Stands still until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_version_whose_files_were_restored_serves_without_a_restart(iris_home: Home) -> None:
    tag = stages.production("iris")
    assert tag is not None
    folder = iris_home.bentoml / "models" / "iris" / tag.partition(":")[2]
    whole = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    flip_a_byte(folder)
    clock = Clock()
    runner = ModelLoader(MODELS["iris"], RunnerSettings(), clock)
    runner.refresh()
    assert not runner.status().ready
    for file, content in whole.items():
        file.write_bytes(content)
    runner.refresh()
    assert not runner.status().ready, "hashing every file each second would cost more than serving"
    clock.now += loader.RETRY_AFTER
    runner.refresh()
    assert runner.status().ready
    assert runner.status().why is None


@pytest.mark.usefixtures("iris_home")
def test_a_version_that_stays_broken_is_tried_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []

    def broken(tag: str, *_: object) -> None:
        tries.append(clock.now)
        raise MemoryError

    monkeypatch.setattr(loader.store, "open_version", broken)
    clock = Clock()
    runner = ModelLoader(MODELS["iris"], RunnerSettings(), clock)
    for _ in range(3_600):
        runner.refresh()
        clock.now += 1
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps[:3] == [loader.RETRY_AFTER, 2 * loader.RETRY_AFTER, 4 * loader.RETRY_AFTER]
    assert max(gaps) == loader.MAX_RETRY_AFTER


@pytest.mark.usefixtures("iris_home")
def test_a_batch_that_was_made_ready_beside_another_took_only_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = ModelLoader(MODELS["iris"], RunnerSettings())
    runner.refresh()
    came_and_ended = iter([0.000, 0.010, 0.001, 0.018, 0.030, 0.036])
    monkeypatch.setattr("jubako.runner.loader.time", SimpleNamespace(perf_counter=lambda: next(came_and_ended)))
    took = [runner.predict(np.full((1, 4), 5, np.float32)).seconds for _ in range(3)]
    assert took == pytest.approx([0.010, 0.008, 0.006])
