"""A process that is killed at any moment leaves whole files, and no row in two of them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jubako.monitoring.archive import database
from jubako.monitoring.archive.profile_files import ProfileArchive
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback
from tests.engine.monitoring.made import rows_on_disk
from tests.five import CARDS
from tests.reading import ROOT

RECORDS = """
import sys, time
from pathlib import Path
from jubako.monitoring.record import profiler
from jubako.monitoring.record.recorder import Recorder
from jubako.settings import MonitoringSettings
from tests.five import MODELS
from tests.engine.monitoring.made import requests

profiler.SAVE_EVERY = 0.0  # as often as it can, so that a kill meets a write
recorder = Recorder(Path(sys.argv[1]), MonitoringSettings(window_seconds=1), MODELS)
recorder.start()
print("started", flush=True)
observed = 0
while True:
    for observation in requests(20, rows=5, at=time.time()):
        recorder.observe(observation)
        observed += 5
    recorder.flush(10.0)
    print(observed, recorder.accounting()["iris"].profiled, flush=True)
"""

TELLS = """
import sys, time
from pathlib import Path
from tests.five import CARDS
from tests.five import MODELS
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback
from jubako.monitoring.record.recorder import Recorder
from jubako.settings import MonitoringSettings
from tests.engine.monitoring.made import ids, requests

folder = Path(sys.argv[1])
recorder = Recorder(folder, MonitoringSettings(), MODELS)
recorder.start()
log = FeedbackLog(folder, CARDS, lambda: recorder.flush(60.0, profiles=False))
while True:
    asked = list(requests(10, at=time.time()))
    for observation in asked:
        recorder.observe(observation)
    lines = [{"id": name, "truth": "setosa"} for observation in asked for name in ids(observation)]
    truths, _ = parse_feedback(CARDS, lines)
    assert set(log.add(truths)) == {"joined"}
    for truth in truths:
        print(truth.id, flush=True)
"""


def killed_after(program: str, folder: Path, lines: int, delay: float) -> list[str]:
    """What the program had printed when it was killed, some time after it had printed so many lines."""
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_files_are_whole_and_hold_what_was_called_profiled(tmp_path: Path, seed: int) -> None:
    delay = random.Random(seed).uniform(0, 0.3)
    last = killed_after(RECORDS, tmp_path, 3, delay)[-1]
    observed, profiled = map(int, last.split())
    found = rows_on_disk(tmp_path)
    # What was said is on the disk; beyond it at most what came between the last line and the kill.
    assert profiled == observed <= found <= observed + 100
    archive = ProfileArchive(tmp_path / "profiles")
    for version in archive.versions("iris"):
        for part in archive.parts("iris", version):
            profile = archive.load(part)
            assert profile
            assert profile.rows % 5 == 0, "a window was written between two of its columns"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_truth_that_was_acknowledged_is_still_known_after_a_kill(tmp_path: Path, seed: int) -> None:
    told = killed_after(TELLS, tmp_path, 25, random.Random(seed).uniform(0, 0.2))
    truths, _ = parse_feedback(CARDS, [{"id": name, "truth": "virginica"} for name in told])
    assert set(FeedbackLog(tmp_path, CARDS, patience=0.0).add(truths)) == {"repeated"}
    with database.connected(tmp_path / database.FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
