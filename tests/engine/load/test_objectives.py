"""A run that misses an objective fails, and says which."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from jubako.load import report
from jubako.load.objectives import DEFAULT, Measurement, Objective, misses, read

ALLOWED = Objective(p50=10, p95=20, p99=30, error_rate=0.01)
GOOD: dict[str, Any] = {"requests": 1_000, "failures": 10, "p50": 10.0, "p95": 20.0, "p99": 30.0}


def test_exactly_the_objective_is_met() -> None:
    assert misses({"iris": ALLOWED}, {"iris": Measurement(**GOOD)}) == []


@pytest.mark.parametrize(
    ("change", "measure", "words"),
    [
        ({"p50": 10.5}, "p50", "p50 was 10 ms, 10 ms are allowed"),
        ({"p95": 21.0}, "p95", "p95 was 21 ms, 20 ms are allowed"),
        ({"p99": 31.0}, "p99", "p99 was 31 ms, 30 ms are allowed"),
        ({"failures": 11}, "error_rate", "1.1% of the requests failed, 1% may"),
        ({"requests": 0, "failures": 0}, "requests", "nothing was measured"),
    ],
)
def test_each_measure_can_be_missed_and_is_named(change: dict[str, Any], measure: str, words: str) -> None:
    (miss,) = misses({"iris": ALLOWED}, {"iris": Measurement(**{**GOOD, **change})})
    assert miss.measure == measure
    assert str(miss) == f"iris: {words}"


def test_a_model_without_requests_misses_its_objective() -> None:
    assert [str(miss) for miss in misses({"iris": ALLOWED}, {})] == ["iris: nothing was measured"]


def test_a_model_without_an_objective_gets_the_default(tmp_path: Path) -> None:
    file = tmp_path / "objectives.yaml"
    crowd = {**ALLOWED.model_dump(), "p99": 90.0}
    file.write_text(yaml.safe_dump({"every": {"wine": ALLOWED.model_dump()}, "profiles": {"spike": {"wine": crowd}}}))
    objectives = read(file, ["wine", "tea"])
    assert objectives.of("steady", ["wine", "tea"]) == {"wine": ALLOWED, "tea": DEFAULT}
    assert objectives.of("spike", ["wine"])["wine"].p99 == 90.0


def test_a_repository_without_the_file_has_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bentos").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read(None, ["wine"]).of("steady", ["wine"]) == {"wine": DEFAULT}


@pytest.mark.parametrize(
    "content",
    [
        {"every": {"wine": {**ALLOWED.model_dump(), "p98": 1.0}}},
        {"every": {"wine": {**ALLOWED.model_dump(), "p50": 25.0}}},
        {"every": {"wine": {**ALLOWED.model_dump(), "error_rate": 1.5}}},
        {"every": {"roses": ALLOWED.model_dump()}},
        {"profiles": {"steady": {"roses": ALLOWED.model_dump()}}},
    ],
)
def test_objectives_that_nothing_could_mean_are_refused(content: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "objectives.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"validation error|no model roses"):
        read(file, ["wine"])


def test_the_table_shows_found_and_allowed_and_names_what_was_missed() -> None:
    out = io.StringIO()
    found = {"iris": Measurement(**{**GOOD, "p99": 99.0})}
    missed = misses({"iris": ALLOWED}, found)
    console = Console(file=out, width=80, force_terminal=False)
    report.show(found, {"iris": ALLOWED}, missed, ["3 x iris: 503 Not now"], console)
    assert "99/30" in out.getvalue()
    assert "missed: iris: p99 was 99 ms" in out.getvalue()
    assert "wrong: 3 x iris: 503 Not now" in out.getvalue()
    assert "every objective was met" not in out.getvalue()
