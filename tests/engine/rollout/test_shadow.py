"""The shadow asks the candidate the rows that production answered, never costs production anything, and counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jubako.batching import ModelFailed, RunnerGone
from jubako.models import AnyModel
from jubako.monitoring.archive import database
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.pairs import PairRecord, PairWriter, labelled
from jubako.rollout import comparer
from jubako.rollout.evidence import PairCounts
from jubako.rollout.shadow import REST_AFTER_FAILURE, Shadow, ShadowSecond
from tests.engine.batching.runner import FakeRunner, caller, here
from tests.engine.rollout.paired import NEW, OLD, Place, blobs
from tests.engine.tiny.models import BLOBS, BlobModel, NoteModel

OLD_TAG, NEW_TAG = f"blobs:{OLD}", f"blobs:{NEW}"


@pytest.fixture(autouse=True)
def _compare_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparer, "EVERY", 0.01)


class Clock:
    """Goes only when it is told to, so that the shadow costs as much as a test says."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def candidate(compute: Callable[[Any], Any] = BlobModel(0.8).predict) -> FakeRunner:
    return FakeRunner(compute, version=NEW_TAG)


@asynccontextmanager
async def shadow_of(
    runner: FakeRunner,
    pairs: PairWriter | None = None,
    busy: Callable[[], bool] = lambda: False,
    model: type[AnyModel] = BlobModel,
) -> AsyncIterator[tuple[Shadow, Clock]]:
    clock = Clock()
    shadow = Shadow(model, runner, pairs, busy, clock)
    yield shadow, clock
    shadow.close()
    await asyncio.to_thread(shadow._comparer.join, 10.0)


def observe(shadow: Shadow, rows: int = 4, seed: int = 0) -> str:
    (observation,) = blobs(1, rows, seed=seed)
    shadow.observe(observation.batch, observation.outputs, OLD_TAG, observation.unique)
    return observation.unique


async def taken(shadow: Shadow, rows: int) -> ShadowSecond:
    """What was counted, once so many rows are compared, failed or dropped."""
    whole = shadow.take()
    while whole.pairs.compared + whole.dropped < rows:
        await asyncio.sleep(0.005)
        more = shadow.take()
        whole = ShadowSecond(
            whole.pairs + more.pairs,
            whole.calls + more.calls,
            whole.failed + more.failed,
            whole.dropped + more.dropped,
            [*whole.latencies, *more.latencies],
        )
    return whole


async def settled() -> None:
    """The fake runner answers in the next turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_every_row_is_compared_or_dropped_and_taken_once() -> None:
    async with shadow_of(candidate()) as (shadow, _):
        for seed in range(10):
            observe(shadow, rows=30, seed=seed)  # every second one finds a call in flight
            observe(shadow, rows=7, seed=seed)
            await settled()
        second = await taken(shadow, 370)
        assert (second.calls, second.failed, second.dropped) == (10, 0, 70)
        assert second.pairs.compared == 300
        assert second.pairs.agreed > 0
        assert second.pairs.disagreed > 0
        assert len(second.latencies) == 10
        assert second.as_evidence().pairs == second.pairs
        assert await taken(shadow, 0) == ShadowSecond(PairCounts(), 0, 0, 0, [])


async def test_what_the_candidate_answered_is_in_the_database_under_productions_ids(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (observation,) = blobs(1, rows=30)
    place.log([observation])
    async with shadow_of(candidate(), PairWriter(tmp_path / FILE)) as (shadow, _):
        shadow.observe(observation.batch, observation.outputs, OLD_TAG, observation.unique)
        await settled()
        second = await taken(shadow, 30)
    with database.connected(tmp_path / FILE) as connection:
        record = PairRecord.read(connection, 1)
    assert record.places == {observation.unique: (0, 30)}
    assert np.array_equal(record.new_outputs, BlobModel(0.8).predict(observation.batch))
    assert int(record.agreed.sum()) == second.pairs.agreed
    place.tell([f"{OLD_TAG}:{observation.unique}.29"], ["dark"])
    assert labelled(tmp_path / FILE, "blobs", OLD, NEW, BLOBS).labelled == 1


async def test_nothing_is_sent_while_something_waits_for_production() -> None:
    runner = candidate()
    async with shadow_of(runner, busy=lambda: True) as (shadow, _):
        observe(shadow)
        await settled()
        assert shadow.take().dropped == 4
        assert not runner.calls


async def test_the_next_call_waits_twenty_times_as_long_as_the_event_loop_was_kept_busy() -> None:
    class Costly(FakeRunner):
        def send(self, *given: Any) -> None:
            clock.now += 0.001
            super().send(*given)

    runner = Costly(BlobModel().predict, version=NEW_TAG)
    async with shadow_of(runner) as (shadow, clock):
        observe(shadow)
        await settled()
        for _ in range(9):
            clock.now += 0.004
            observe(shadow)
            await settled()
        assert len(runner.calls) == 1
        clock.now += 0.004
        observe(shadow)
        await settled()
        assert len(runner.calls) == 2


async def test_a_large_batch_is_cut_to_what_productions_runner_would_get() -> None:
    runner = candidate()
    async with shadow_of(runner) as (shadow, _):
        observe(shadow, rows=1_000)
        await settled()
        second = await taken(shadow, 1_000)
    assert runner.calls == [BLOBS.batching.max_rows]
    assert (second.pairs.compared, second.dropped) == (32, 968)


async def test_long_texts_are_cut_by_their_tokens() -> None:
    runner = FakeRunner(NoteModel(1.0).predict, version=f"notes:{NEW}")
    texts = np.array(["word " * 100] * 16, dtype=object)
    async with shadow_of(runner, model=NoteModel) as (shadow, _):
        shadow.observe(texts, NoteModel(1.0).predict(texts), f"notes:{OLD}", "mark")
        await settled()
        assert (await taken(shadow, 16)).pairs == PairCounts(agreed=4)
    assert runner.calls == [4]


@pytest.mark.parametrize(
    "outputs",
    [
        lambda batch: BlobModel().predict(batch)[:-1],
        lambda batch: BlobModel().predict(batch)[:, :1],
    ],
    ids=["too few rows", "too few columns"],
)
async def test_answers_of_a_wrong_shape_are_a_failed_call(outputs: Callable[[Any], Any]) -> None:
    async with shadow_of(candidate(outputs)) as (shadow, _):
        observe(shadow)
        await settled()
        assert await taken(shadow, 4) == ShadowSecond(PairCounts(disagreed=4), 1, 1, 0, [])


async def test_a_failed_call_counts_its_rows_as_different_and_the_candidate_is_left_alone_for_a_moment() -> None:
    def fail(batch: Any) -> Any:
        raise RunnerGone("it died") if len(runner.calls) < 2 else ModelFailed("it raised")

    runner = candidate(fail)
    async with shadow_of(runner) as (shadow, clock):
        for _ in range(3):
            observe(shadow)
            await settled()
        assert await taken(shadow, 12) == ShadowSecond(PairCounts(disagreed=4), 1, 1, 8, [])
        clock.now += REST_AFTER_FAILURE
        observe(shadow)
        await settled()
        assert await taken(shadow, 4) == ShadowSecond(PairCounts(disagreed=4), 1, 1, 0, [])


async def test_a_client_that_raises_is_a_failed_call_and_production_does_not_notice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(FakeRunner):
        def send(self, *_: Any) -> None:
            raise OSError("no more files")

    with caplog.at_level(logging.CRITICAL, "jubako.rollout"):
        async with shadow_of(Broken()) as (shadow, _):
            observe(shadow)
            assert await taken(shadow, 4) == ShadowSecond(PairCounts(disagreed=4), 1, 1, 0, [])


async def test_a_candidate_that_never_answers_gets_one_call_and_the_rest_is_dropped() -> None:
    class Hanging(FakeRunner):
        def send(self, batch: Any, *_: Any) -> None:
            self.calls.append(len(batch))

    runner = Hanging()
    async with shadow_of(runner) as (shadow, clock):
        for _ in range(100):
            clock.now += 1.0
            observe(shadow)
        assert (len(runner.calls), shadow.take().dropped) == (1, 396)


async def test_rows_that_wait_to_be_compared_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparer, "EVERY", 3_600.0)
    monkeypatch.setattr(comparer, "MAX_ROWS", 50)
    runner = candidate()
    async with shadow_of(runner) as (shadow, _):
        for seed in range(10):
            observe(shadow, rows=30, seed=seed)
            await settled()
        assert runner.calls == [30, 30]
        assert shadow.take().dropped == 240


async def test_rows_that_cannot_be_compared_are_dropped_rows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(comparer, "agreeing", lambda *_: 1 / 0)
    with caplog.at_level(logging.CRITICAL, "jubako.rollout"):
        async with shadow_of(candidate()) as (shadow, _):
            observe(shadow)
            await settled()
            assert (await taken(shadow, 4)).dropped == 4


async def test_what_was_answered_is_written_when_the_shadow_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparer, "EVERY", 3_600.0)
    async with shadow_of(candidate(), PairWriter(tmp_path / FILE)) as (shadow, _):
        observe(shadow)
        await settled()
    with database.connected(tmp_path / FILE) as connection:
        assert connection.execute("SELECT rows FROM pairs").fetchall() == [(4,)]
    observe(shadow)
    assert shadow.take().dropped == 4


async def test_behind_a_batcher_the_candidate_gets_rows_after_their_callers_have_answers(tmp_path: Path) -> None:
    """The batcher's own hook, with a production that computes and a candidate that fails: no caller notices."""
    production = FakeRunner(BlobModel().predict, version=OLD_TAG)
    failing = candidate(lambda _: (_ for _ in ()).throw(ModelFailed("always")))
    async with shadow_of(failing) as (shadow, _):
        batcher = caller(production, observe=shadow.observe)
        files = np.arange(64, dtype=np.uint8).reshape(16, 4)
        answered = await asyncio.gather(*(batcher.call(files[place : place + 1], here) for place in range(16)))
        assert {one.version for one in answered} == {OLD_TAG}
        assert (await taken(shadow, 16)).pairs == PairCounts(disagreed=16)
        await batcher.close()
