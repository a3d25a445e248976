"""Calls that wait in a runner are computed together, and each gets its own rows."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from jubako.batch import of_texts
from jubako.batching.faults import Misbehaved, ModelFailed
from jubako.runner.loader import BatchOutputs
from jubako.runner.merging import Merger

MAX_ROWS = 8


class Doubling:
    """Answers each row with itself doubled; fails on 13."""

    def __init__(self, threaded: bool = False) -> None:
        self.threaded = threaded
        self.batches: list[list[float]] = []
        self.merged: list[int] = []

    def merger(self, at_once: int = 1) -> Merger:
        pool = ThreadPoolExecutor(at_once) if self.threaded else None
        return Merger(self.predict, pool, MAX_ROWS, at_once, self.merged.append)

    def predict(self, batch: Any) -> BatchOutputs:
        rows = np.asarray(batch, np.float32).ravel()
        self.batches.append(rows.tolist())
        if 13.0 in rows:
            raise ModelFailed("a row that it cannot bear")
        return BatchOutputs(2 * rows.reshape(-1, 1), "fake:1", 0.5)


def column(*rows: float) -> Any:
    return np.asarray(rows, np.float32).reshape(-1, 1)


@pytest.mark.parametrize("threaded", [False, True], ids=["on the loop", "in a thread"])
@pytest.mark.parametrize("texts", [False, True], ids=["arrays", "texts"])
async def test_calls_that_arrive_together_are_one_batch(threaded: bool, texts: bool) -> None:
    model = Doubling(threaded)
    merger = model.merger()
    rows = [["1"], ["2", "3"], ["4"]]
    calls = [of_texts(row) if texts else column(*map(float, row)) for row in rows]
    answers = await asyncio.gather(*map(merger, calls))
    assert [answer.outputs.ravel().tolist() for answer in answers] == [[2], [4, 6], [8]]
    assert {(answer.tag, answer.seconds) for answer in answers} == {("fake:1", 0.5)}
    assert model.batches == [[1, 2, 3, 4]]
    assert model.merged == [3]


async def test_calls_that_do_not_fit_go_next() -> None:
    model = Doubling(threaded=True)
    merger = model.merger()
    batches = [column(*range(start, start + 5)) for start in (0, 20, 40)]
    answers = await asyncio.gather(*map(merger, batches))
    for batch, answer in zip(batches, answers, strict=True):
        assert np.array_equal(answer.outputs, 2 * batch)
    assert [row for rows in model.batches for row in rows] == [float(row) for batch in batches for row in batch.ravel()]
    assert max(map(len, model.batches)) <= MAX_ROWS


async def test_a_call_larger_than_a_batch_goes_alone() -> None:
    model = Doubling()
    answers = await asyncio.gather(*map(model.merger(), [column(1), column(*range(20, 40)), column(2)]))
    assert [len(answer.outputs) for answer in answers] == [1, 20, 1]


@pytest.mark.parametrize("at_once", [1, 2])
async def test_as_many_batches_as_the_card_says_are_computed_at_a_time(at_once: int) -> None:
    everybody = threading.Barrier(at_once)
    busy, most = 0, 0
    model = Doubling(threaded=True)
    predict = model.predict

    def slowly(batch: Any) -> BatchOutputs:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        everybody.wait(30)
        answers = predict(batch)
        everybody.wait(30)
        busy -= 1
        return answers

    model.predict = slowly  # type: ignore[method-assign]
    merger = model.merger(at_once)
    answers = await asyncio.gather(*(merger(column(*[row] * MAX_ROWS)) for row in (1, 2, 3, 4)))
    assert [answer.outputs[0, 0] for answer in answers] == [2, 4, 6, 8]
    assert most == at_once


async def test_the_end_of_a_batch_starts_the_next_one() -> None:
    """Nothing polls, and no further call is needed."""
    model = Doubling(threaded=True)
    predict, computing, finish = model.predict, threading.Event(), threading.Event()

    def waits_once(batch: Any) -> BatchOutputs:
        computing.set()
        finish.wait(30)
        return predict(batch)

    model.predict = waits_once  # type: ignore[method-assign]
    merger = model.merger()
    one = asyncio.create_task(merger(column(1)))
    await asyncio.to_thread(computing.wait, 30)
    others = [asyncio.create_task(merger(column(row))) for row in (2, 3)]
    await asyncio.sleep(0)
    finish.set()
    async with asyncio.timeout(30):
        await asyncio.gather(one, *others)
    assert model.batches == [[1], [2, 3]]


async def test_the_rows_of_another_call_fail_only_that_call() -> None:
    model = Doubling()
    answers = await asyncio.gather(*map(model.merger(), [column(1), column(13), column(2)]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [BatchOutputs, ModelFailed, BatchOutputs]
    assert model.batches == [[1, 13, 2], [1], [13], [2]]


async def test_rows_of_another_shape_fail_only_their_call() -> None:
    """BentoML's own route accepts any shape; such rows cannot even be merged with others."""
    answers = await asyncio.gather(
        *map(Doubling().merger(), [column(1), np.zeros((2, 3, 1), np.float32)]), return_exceptions=True
    )
    assert isinstance(answers[0], BatchOutputs)
    assert isinstance(answers[1], Misbehaved)


async def test_a_call_that_left_while_it_waited_is_not_computed() -> None:
    model = Doubling()
    merger = model.merger()
    gone, there = asyncio.create_task(merger(column(5))), asyncio.create_task(merger(column(6)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await there).outputs.tolist() == [[12]]
    assert model.batches in ([[6]], [[5, 6]])
