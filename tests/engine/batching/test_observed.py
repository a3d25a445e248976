"""What monitoring is told of: every answered row, once, under the id that its caller was told."""

from __future__ import annotations

import asyncio
from typing import Any

from jubako.batching import BatchResult
from tests.engine.batching.runner import FakeRunner, caller, here, rows


class Observed:
    """What monitoring was told: the ids of rows, with what was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, float] = {}

    def __call__(self, batch: Any, outputs: Any, version: str, batch_id: str) -> None:
        assert len(batch) == len(outputs)
        for place, row in enumerate(batch):
            assert outputs[place, 0] == 2 * row[0]
            self.asked[f"{version}:{batch_id}.{place}"] = float(row[0])


def ids(answer: BatchResult) -> list[str]:
    return [f"{answer.version}:{answer.batch_id}.{answer.first + place}" for place in range(len(answer.outputs))]


async def test_every_answered_row_is_observed_once_under_the_id_that_its_caller_was_told() -> None:
    observed = Observed()
    batcher = caller(FakeRunner(seconds=0.001), observe=observed)
    asked = [range(n, n + size) for n, size in ((0, 1), (10, 3), (100, 50), (200, 1), (300, 16), (400, 17))]
    answers = await asyncio.gather(*(batcher.call(rows(*numbers), here) for numbers in asked))
    told = {
        one: n
        for numbers, answer in zip(asked, answers, strict=True)
        for one, n in zip(ids(answer), numbers, strict=True)
    }
    assert observed.asked == told
    assert len(told) == sum(map(len, asked))
    await batcher.close()


async def test_rows_whose_caller_left_while_they_were_computed_are_not_observed() -> None:
    observed = Observed()
    runner = FakeRunner(seconds=0.01)
    batcher = caller(runner, observe=observed, in_flight=1)
    calls = [asyncio.ensure_future(batcher.call(rows(n), here)) for n in range(4)]
    while not runner.calls:  # noqa: ASYNC110 - a fake has no event
        await asyncio.sleep(0)
    calls[1].cancel()  # on its way, in one batch with the others
    answers = await asyncio.gather(calls[0], calls[2], calls[3])
    assert observed.asked == {ids(answer)[0]: n for n, answer in zip((0, 2, 3), answers, strict=True)}
    await batcher.close()
