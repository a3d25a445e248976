"""The guard fails when Jubako lost ground beside its peers, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import guard
from benchmarks.results import Run
from tests.benchmarks.made import load, run

PEERS = {"litserve": 100.0, "mlserver": 50.0, "fastapi": 400.0}


def measured(ours: float, **theirs: float) -> Run:
    peers = {**PEERS, **theirs}
    return run(load(per_second=ours), *(load(name, per_second=value) for name, value in peers.items()), quick=True)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(guard, "FILE", tmp_path / "ratios.json")
    assert judge(tmp_path, measured(300), "--store") == 0
    return tmp_path


def judge(folder: Path, found: Run, *more: str) -> int:
    found.write(folder / "now.json")
    return guard.main(["--run", str(folder / "now.json"), *more])


def test_what_is_as_fast_as_before_passes(stored: Path) -> None:
    assert judge(stored, measured(300)) == 0


def test_a_slower_machine_is_no_regression(stored: Path) -> None:
    assert judge(stored, measured(30, litserve=10, mlserver=5, fastapi=40)) == 0


def test_a_fifth_slower_beside_its_peers_fails_by_name(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(stored, measured(240)) == 1
    assert "WORSE  0.80  iris, 64 x 1, throughput" in capsys.readouterr().out


def test_a_tenth_slower_is_within_what_a_quick_run_can_tell(stored: Path) -> None:
    assert judge(stored, measured(270)) == 0


def test_one_peers_good_day_does_not_alarm(stored: Path) -> None:
    assert judge(stored, measured(300, fastapi=800)) == 0


def test_higher_latency_fails_too(stored: Path) -> None:
    slow = [one.model_copy(update={"p50": 1.3}) if one.server == "jubako" else one for one in measured(300).loads]
    assert judge(stored, run(*slow, quick=True)) == 1


def test_a_run_that_shares_nothing_with_the_stored_one_does_not_pass(stored: Path) -> None:
    assert judge(stored, run(load(), quick=True)) == 2


def test_without_stored_ratios_it_says_how_to_store_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "FILE", tmp_path / "ratios.json")
    assert judge(tmp_path, measured(300)) == 2
    assert "--store" in capsys.readouterr().out


def test_the_stored_ratios_are_of_peers_that_take_part() -> None:
    from benchmarks.servers import PEERS as TAKING_PART

    names = {server.name for server in TAKING_PART}
    assert all(set(peers) <= names for peers in json.loads(guard.FILE.read_text()).values())


def test_what_it_does_not_know_itself_goes_to_the_run_that_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """``make bench-guard ARGS="--environments DIR"`` took the folder for a run's file."""
    asked: list[str] = []

    def measured_with(options: object) -> Run:
        asked.append(str(options.environments))
        return run(load(), quick=True)

    monkeypatch.setattr(guard.command, "measured", measured_with)
    guard.main(["--environments", "somewhere"])
    assert asked == ["somewhere"]
