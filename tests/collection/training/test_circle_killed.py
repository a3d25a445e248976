"""Whatever is killed, and when: no training runs twice, and each version is rolled out once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jubako.durable import alone
from jubako.loop import record
from jubako.loop.training import run
from jubako.loop.turn import Turn
from jubako.rollout import record as rollouts
from jubako.versions import stages, store
from tests.collection.training.circle import NOW, SETTINGS, serve_and_label, started, window
from tests.homes import Home

pytestmark = pytest.mark.usefixtures("quick", "iris_home")


def test_while_a_training_runs_none_is_started_though_the_loop_is_a_new_one(in_process: None) -> None:
    """The lock is the training's own: it outlives the loop, and the kernel frees it when the training is gone."""
    serve_and_label(480, NOW + 100)
    with alone(record.training_lock()) as lock:
        assert lock is not None
        held = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    try:
        assert window(NOW + 3_600) == ["nothing/training"], "an alarm waits for the orphan"
    finally:
        held.kill()
        held.wait()
    assert window(NOW + 3_700)[0] == "train/quality"


def test_a_training_that_was_killed_is_lost_once_and_leaves_no_version(iris_home: Home) -> None:
    before = store.versions("iris")
    started()
    assert window(NOW + 3_600) == ["nothing/lost", "nothing/quiet"]
    assert window(NOW + 7_200) == ["nothing/quiet"]
    assert store.versions("iris") == before


def test_a_training_that_ended_after_its_loop_is_rolled_out_by_the_next(in_process: None) -> None:
    serve_and_label(480, NOW + 100)
    run("iris", started(), SETTINGS)
    assert window(NOW + 3_600)[0] == "roll out/accepted"
    assert len(rollouts.read("iris").history) == 1


def test_a_rollout_that_began_just_before_the_loop_was_killed_is_not_begun_again(in_process: None) -> None:
    serve_and_label(480, NOW + 100)
    run("iris", started(), SETTINGS)
    kept = record.read("iris")
    Turn(SETTINGS).settle("iris")
    record.change("iris", lambda _: kept)
    (again,) = Turn(SETTINGS).settle("iris")
    assert again.reason == "accepted"
    assert len(rollouts.read("iris").history) == 1


def test_a_version_made_just_before_its_training_was_killed_is_found(in_process: None) -> None:
    serve_and_label(480, NOW + 100)
    training = started(NOW + 1_010)
    running = record.read("iris")
    run("iris", training, SETTINGS)
    record.change("iris", lambda _: running)
    (found,) = Turn(SETTINGS).settle("iris")
    assert (found.action, found.version) == ("roll out", (stages.candidate("iris") or "").partition(":")[2])


@pytest.mark.slow
def test_a_loop_that_is_killed_in_its_training_starts_no_second_one_and_ends_well(
    configured: Path, iris_home: Home
) -> None:
    """``kill -9`` of the loop: the orphan goes on alone, and the next loop rolls its version out."""
    serve_and_label(480, time.time() - 100)
    environment = {**iris_home.environment, "JUBAKO_CONFIG": str(configured)}
    looping = [sys.executable, "-m", "jubako", "loop", "--once"]
    loop = subprocess.Popen(looping, env=environment, stdout=subprocess.PIPE)
    until = time.monotonic() + 50
    while record.read("iris").training is None and loop.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(loop.pid, signal.SIGKILL)
    loop.communicate()
    serve_and_label(480, time.time() + 60, seed=2)
    assert "training" in [one.reason for one in Turn(SETTINGS).window("iris", time.time() + 3_600)]
    while time.monotonic() < until + 60:
        with alone(record.training_lock()) as lock:
            if lock is not None:
                break
        time.sleep(0.2)
    made = store.versions("iris")
    assert Turn(SETTINGS).settle("iris")[0].action == "roll out"
    assert store.versions("iris") == made
    assert len(made) == 2
    assert rollouts.read("iris").current is not None
