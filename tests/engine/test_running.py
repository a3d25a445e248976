"""A runner's door: calls that come together are computed together, and each gets its own rows."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bentoml._internal.marshal.dispatcher import CorkDispatcher
from prometheus_client import CollectorRegistry, Histogram

from jubako.batch import of_texts
from jubako.batching.faults import ModelFailed
from jubako.card import Batching
from jubako.compat import patches
from jubako.runner.app import RunnerDoor

patches.mend()
LABELS = ["runner_name", "worker_index", "method_name", "service_version", "service_name"]


class FakeService:
    """Stands in for what BentoML makes of a service: answers each row with itself doubled."""

    def __init__(self, kind: str, at_once: int = 1) -> None:
        self.batches: list[list[float]] = []
        self.sizes = Histogram("batch_size", "", LABELS, registry=CollectorRegistry())
        self.adaptive_batch_size_hist = self.sizes
        self.service = SimpleNamespace(name="fake")
        self.dispatchers = {"predict": CorkDispatcher(1_000, 8, fallback=lambda: None, get_batch_size=len)}
        how = self._at_once if kind == "on the loop" else self._compute
        keeper = SimpleNamespace(card=SimpleNamespace(batching=Batching(8, at_once=at_once)))
        self._service_instance = SimpleNamespace(predict=SimpleNamespace(local=partial(how)), keeper=keeper)

    async def _at_once(self, batch: Any) -> Any:
        return self._compute(batch)

    def _compute(self, batch: Any) -> Any:
        rows = [float(row) for row in np.asarray(batch, np.float32).ravel()]
        self.batches.append(rows)
        if 13.0 in rows:
            raise ModelFailed("a row that it cannot bear")
        return 2 * np.asarray(rows, np.float32).reshape(-1, 1)

    async def _to_thread(self, work: Any, batch: Any) -> Any:
        return await asyncio.to_thread(work, batch)

    def together(self) -> float:
        """How many calls the batches had in all."""
        (found,) = [
            sample.value for metric in self.sizes.collect() for sample in metric.samples if sample.name.endswith("_sum")
        ]
        return found


@pytest.mark.parametrize("kind", ["on the loop", "in a thread"])
@pytest.mark.parametrize("texts", [False, True], ids=["arrays", "texts"])
async def test_calls_that_come_together_are_one_batch(kind: str, texts: bool) -> None:
    service = FakeService(kind)
    door: Any = RunnerDoor(None, service, None)  # type: ignore[arg-type]
    calls: list[Any] = [["1"], ["2", "3"], ["4"]]
    batches = [of_texts(call) if texts else np.asarray(call, np.float32).reshape(-1, 1) for call in calls]
    answers = await asyncio.gather(*(door._infer(batch) for batch in batches))
    assert [answer.ravel().tolist() for answer in answers] == [[2], [4, 6], [8]]
    assert service.batches == [[1, 2, 3, 4]]
    assert service.together() == 3


async def test_what_does_not_fit_goes_next() -> None:
    service = FakeService("in a thread")
    door: Any = RunnerDoor(None, service, None)  # type: ignore[arg-type]
    batches = [np.arange(start, start + 5, dtype=np.float32).reshape(-1, 1) for start in (0, 20, 40)]
    answers = await asyncio.gather(*(door._infer(batch) for batch in batches))
    for batch, answer in zip(batches, answers, strict=True):
        assert np.array_equal(answer, 2 * batch)
    computed = [row for rows in service.batches for row in rows]
    assert computed == [float(row) for batch in batches for row in batch.ravel()]
    assert max(map(len, service.batches)) <= 8


@pytest.mark.parametrize("at_once", [1, 2])
async def test_as_many_batches_as_the_card_says_are_worked_on_at_a_time(at_once: int) -> None:
    service = FakeService("in a thread", at_once)
    everybody = threading.Barrier(at_once)
    compute, busy, most = service._compute, 0, 0

    def slowly(batch: Any) -> Any:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        everybody.wait(30)
        answers = compute(batch)
        everybody.wait(30)
        busy -= 1
        return answers

    service._service_instance.predict.local = partial(slowly)
    door: Any = RunnerDoor(None, service, None)  # type: ignore[arg-type]
    batches = [np.full((8, 1), row, np.float32) for row in (1, 2, 3, 4)]
    answers = await asyncio.gather(*(door._infer(batch) for batch in batches))
    assert [answer[0, 0] for answer in answers] == [2, 4, 6, 8]
    assert most == at_once


async def test_a_strangers_rows_fail_only_the_stranger() -> None:
    service = FakeService("on the loop")
    door: Any = RunnerDoor(None, service, None)  # type: ignore[arg-type]
    batches = [np.full((1, 1), row, np.float32) for row in (1, 13, 2)]
    answers = await asyncio.gather(*(door._infer(batch) for batch in batches), return_exceptions=True)
    assert [type(answer) is ModelFailed for answer in answers] == [False, True, False]
    assert answers[2].tolist() == [[4]]
    assert np.concatenate(batches).ravel().tolist() == service.batches[0]
