"""Every answered row is accounted for whatever fails, and no request waits for it."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jubako import durable
from jubako.monitoring.archive import ledger
from jubako.monitoring.record.observations import Accounting, Observation
from jubako.monitoring.record.profiles import Sketches
from jubako.monitoring.record.recorder import Recorder
from jubako.monitoring.record.windows import PATIENCE
from jubako.settings import MonitoringSettings
from tests.engine.monitoring.made import START, Clock, Recording, requests, rows_on_disk
from tests.five import MODELS


def holds(account: Accounting) -> bool:
    return account.received == account.profiled + account.dropped + account.pending


def test_after_a_stop_every_row_is_in_a_file_and_nothing_is_pending(tmp_path: Path) -> None:
    with Recording(tmp_path) as recorder:
        for observation in requests(3_000, rows=2):
            recorder.observe(observation)
    assert recorder.accounting()["iris"] == Accounting(received=6_000, profiled=6_000)
    assert rows_on_disk(tmp_path) == 6_000


def test_the_accounting_is_exact_at_every_moment(tmp_path: Path) -> None:
    with Recording(tmp_path) as recorder:
        for place, observation in enumerate(requests(2_000)):
            recorder.observe(observation)
            if place % 50 == 0:
                assert holds(recorder.accounting()["iris"])
    assert all(map(holds, recorder.accounting().values()))


def test_profiled_says_on_the_disk_and_not_merely_seen(tmp_path: Path) -> None:
    with Recording(tmp_path) as recorder:
        for observation in requests(500):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        assert recorder.accounting()["iris"].profiled == rows_on_disk(tmp_path) == 500


def test_each_window_and_version_gets_a_file_of_its_own(tmp_path: Path) -> None:
    with Recording(tmp_path) as recorder:
        for version in ("v1", "v2"):
            for start in (START, START + 60, START + 59.9):
                for observation in requests(1, at=start, version=version):
                    recorder.observe(observation)
    files = sorted(path.relative_to(tmp_path / "profiles").parts for path in tmp_path.rglob("*.bin"))
    assert [(model, version, name[:16]) for model, version, name in files] == [
        ("iris", version, stamp) for version in ("v1", "v2") for stamp in ("20261121T040000Z", "20261121T040100Z")
    ]


def test_a_full_buffer_drops_and_counts_and_does_not_wait(tmp_path: Path) -> None:
    recorder = Recorder(
        tmp_path, MonitoringSettings(buffer_rows=1_000), MODELS
    )  # its thread is not started: nobody empties the buffer
    for observation in requests(1_500):
        recorder.observe(observation)
    assert recorder.accounting()["iris"] == Accounting(received=1_500, dropped=500, pending=1_000)


def test_pictures_fill_the_buffer_by_their_bytes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MonitoringSettings(), MODELS)
    for _ in range(40):
        large = np.zeros((1, 4 * 1024 * 1024), np.uint8)  # zeros take no memory until they are touched
        recorder.observe(Observation("image", "v", "m", large, np.zeros((1, 10), np.float32), START))
    account = recorder.accounting()["image"]
    assert (account.pending, account.dropped) == (32, 8)


def test_an_invalid_observation_raises_nothing_on_the_request_path(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MonitoringSettings(), MODELS)
    broken: Any = Observation("no such model", "v", "m", np.zeros((1, 4)), np.zeros((1, 3)), START)
    recorder.observe(broken)
    recorder.observe(None)  # type: ignore[arg-type]


def test_what_arrives_after_the_stop_is_counted_as_dropped(tmp_path: Path) -> None:
    with Recording(tmp_path) as recorder:
        pass
    for observation in requests(3):
        recorder.observe(observation)
    assert recorder.accounting()["iris"] == Accounting(received=3, dropped=3)


def test_signals_that_break_cost_their_own_rows_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = MODELS["iris"].signals

    def picky(batch: Any, outputs: Any) -> Any:
        if (batch[:, 0] > 90).any():
            raise ValueError("a flower as long as an arm")
        return good(batch, outputs)

    monkeypatch.setattr(MODELS["iris"], "signals", staticmethod(picky))
    with Recording(tmp_path) as recorder:
        for observation in requests(100):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        (odd,) = requests(1)
        odd.batch = np.full((1, 4), 99, np.float32)
        recorder.observe(odd)
    assert recorder.accounting()["iris"] == Accounting(received=101, profiled=100, dropped=1)
    assert recorder.troubles().failed_batches == 1
    assert recorder.troubles().unlogged_rows == 1


def test_whylogs_breaking_half_way_loses_what_was_not_saved_and_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-updated profile would have columns of different lengths: it is thrown away."""
    with Recording(tmp_path) as recorder:
        for observation in requests(100):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        with monkeypatch.context() as broken:
            broken.setattr(Sketches, "track", lambda *_: 1 / 0)
            for observation in requests(10):
                recorder.observe(observation)
            assert recorder.flush(30.0)
        for observation in requests(5):
            recorder.observe(observation)
    assert recorder.accounting()["iris"] == Accounting(received=115, profiled=105, dropped=10)
    assert rows_on_disk(tmp_path) == 105


class FullDisk:
    """``write_whole`` on a disk that is full until somebody makes room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        self._write = durable.write_whole
        monkeypatch.setattr(durable, "write_whole", self)

    def __call__(self, path: Path, content: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._write(path, content)


def test_a_full_disk_loses_nothing_when_there_is_room_again_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    with Recording(tmp_path) as recorder:
        for observation in requests(200):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        assert recorder.accounting()["iris"] == Accounting(received=200, pending=200)
        assert recorder.troubles().failed_writes == 1
        disk.full = False
    assert recorder.accounting()["iris"] == Accounting(received=200, profiled=200)


def test_a_disk_that_stays_full_costs_rows_that_are_counted_and_no_memory_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch)
    clock = Clock()
    with Recording(tmp_path, clock=clock) as recorder:
        for minute in range(100):
            for observation in requests(1, at=START + 60 * minute):
                recorder.observe(observation)
        assert recorder.flush(30.0)
        account = recorder.accounting()["iris"]
        assert holds(account)
        assert account.pending == 64
        clock.now = START + 100 * 60 + PATIENCE + 60
        assert recorder.flush(30.0)
        assert recorder.accounting()["iris"] == Accounting(received=100, dropped=100)


def test_a_folder_that_is_none_costs_no_prediction_and_is_counted(tmp_path: Path) -> None:
    """Root may write anywhere, so a file stands where the folder should be."""
    place = tmp_path / "monitoring"
    place.write_text("not a folder")
    with Recording(place) as recorder:
        for observation in requests(50):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        troubles = recorder.troubles()
        assert troubles.failed_writes
        assert troubles.failed_log_writes
    assert recorder.accounting()["iris"] == Accounting(received=50, dropped=50)
    assert recorder.troubles().unlogged_rows == 50


def test_two_processes_and_a_restart_add_up(tmp_path: Path) -> None:
    clock = Clock(START + 30)
    with Recording(tmp_path, clock=clock) as first, Recording(tmp_path, clock=clock) as second:
        for recorder, count in ((first, 300), (second, 200)):
            for observation in requests(count):
                recorder.observe(observation)
    with Recording(tmp_path, clock=clock) as restarted:
        for observation in requests(50):
            restarted.observe(observation)
    assert rows_on_disk(tmp_path) == 550
    ledger_rows = ledger.read(tmp_path, "iris", clock.now)
    assert ledger_rows.accounting == Accounting(received=550, profiled=550)
    assert ledger_rows.killed == 0


def test_a_page_that_was_never_closed_says_how_much_a_kill_cost_at_most(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    with recording as recorder:
        for observation in requests(100):
            recorder.observe(observation)
        assert recorder.flush(30.0)
        pages = list((tmp_path / "accounting").iterdir())
        page = (
            pages[0]
            .read_bytes()
            .replace(b'"profiled": 100', b'"profiled": 60')
            .replace(b'pending": 0', b'pending": 40')
        )
    pages[0].write_bytes(page)
    assert ledger.read(tmp_path, "iris", START + 1).killed == 0, "it may still be at work"
    assert ledger.read(tmp_path, "iris", START + 3_600).killed == 40


def test_stopping_twice_or_before_the_start_is_harmless(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MonitoringSettings(), MODELS)
    assert recorder.stop(1.0)
    with Recording(tmp_path / "other") as started:
        assert started.stop(30.0)


def test_the_profiler_thread_survives_a_turn_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Recording(tmp_path) as recorder:
        with monkeypatch.context() as broken:
            broken.setattr(recorder._thread.log, "flush", lambda: 1 / 0)
            assert recorder.flush(30.0)
        for observation in requests(10):
            recorder.observe(observation)
    assert recorder.accounting()["iris"].profiled == 10
    assert not any(thread.name == "jubako-monitoring" for thread in threading.enumerate())
