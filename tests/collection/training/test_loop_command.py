"""``jubako loop`` says what it does and why, and runs once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jubako.cli import group
from jubako.durable import alone
from jubako.loop import record
from jubako.loop.runner import LoopRefused, LoopRunner, check_models
from jubako.loop.settings import LoopSettings
from tests.collection.training.circle import NOW, SETTINGS
from tests.engine.monitoring.made import Clock

pytestmark = pytest.mark.usefixtures("quick", "iris_home")


def command(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["loop", *arguments])


def test_only_one_loop_runs_and_it_needs_models_that_it_can_train() -> None:
    with alone(record.loop_lock()), pytest.raises(LoopRefused, match="runs already"):
        list(LoopRunner(SETTINGS).once())
    with pytest.raises(LoopRefused, match=r"no model is in loop\.models"):
        check_models(LoopSettings())
    with pytest.raises(LoopRefused, match="image cannot turn"):
        check_models(LoopSettings(models=["image"]))


def test_the_loop_turns_at_the_end_of_each_window_until_it_is_stopped() -> None:
    clock = Clock(NOW + 10)

    def sleep(seconds: float) -> None:
        clock.now += max(seconds, 600.0)
        if clock.now > NOW + 4 * 3_600:
            record.folder().mkdir(parents=True, exist_ok=True)
            record.stop_file().touch()

    ends = [decision.end for _, decision in LoopRunner(SETTINGS, clock, sleep).forever()]
    assert len(ends) == 4
    assert all(end % 3_600 < 600 for end in ends)


def test_the_command_says_what_it_would_do_and_writes_nothing(configured: Path) -> None:
    done = command("--dry-run")
    assert done.exit_code == 0, done.output
    assert "nothing, because quality is as in training" in done.output
    assert not record.folder().exists()


def test_windows_pause_stop_and_release_by_command(configured: Path) -> None:
    assert "nothing, because quality" in command("--once").output
    assert "paused" in command("pause", "iris", "--why", "a fair").output
    assert "a fair" in command("status").output
    command("resume", "iris")
    assert record.read("iris").paused is None
    command("stop", "--why", "a holiday")
    assert "a holiday" in command("status").output
    assert json.loads(command("status", "--json").output)["stopped"] is True
    assert "stopped" in command().output
    command("resume")
    assert not record.stop_file().exists()
    command("release", "iris", "petal_length")
    assert record.read("iris").memory.released == ("petal_length",)
    assert "no column wings" in command("release", "iris", "wings").output
    assert json.loads(command("history", "iris", "--json").output)[0]["reason"] == "quiet"
    assert "quiet" in command("history", "iris").output
