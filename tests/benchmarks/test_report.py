"""What is said about a run is what the run found, also where Jubako lost."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import host, readme, report
from benchmarks.aims import aims
from benchmarks.pages import page
from benchmarks.results import Run, Skipped, Unlike
from benchmarks.summary import Summary, p99, per_second
from benchmarks.table import show
from tests.benchmarks.made import load, run
from tests.reading import ROOT

EVERYTHING = run(
    load(per_second=900, p99=30.0),
    load(rows=64, per_second=30),
    load(connections=1, per_second=300, p50=3.0),
    load(connections=1024, per_second=800),
    load(connections=0, per_second=600, offered=630.0, late=0.4),
    load("litserve", per_second=100),
    load("litserve", rows=64, per_second=40),
    load("litserve", connections=1, per_second=200),
    load("bentoml", per_second=50, refused=25),
    load("fastapi", per_second=1_000, wrong=2),
    load("fastapi", connections=1, per_second=700, p50=0.5),
    load("mlserver-documented", per_second=10),
)


def test_ratios_are_made_within_a_round() -> None:
    """A machine that was slow in one round was slow for everybody in it."""
    summary = Summary(
        run(
            load(per_second=100, round=0),
            load(per_second=10, round=1),
            load("litserve", per_second=50, round=0),
            load("litserve", per_second=5, round=1),
        )
    )
    ratio = summary.ratio("jubako", "litserve", "iris", (64, 1))
    assert ratio is not None
    assert (ratio.low, ratio.median, ratio.high) == (2, 2, 2)


def test_a_failed_request_is_never_an_answered_one() -> None:
    summary = Summary(EVERYTHING)
    answered = summary.of("bentoml", "iris", (64, 1), per_second)
    assert answered is not None
    assert answered.median == 50
    assert summary.failed("bentoml", "iris", (64, 1)) == pytest.approx(0.2)
    assert "**20.0% failed**" in page(summary, "benchmarks")


def test_a_load_without_an_answer_has_no_latency() -> None:
    summary = Summary(run(load(per_second=0, p99=0.0)))
    assert summary.of("jubako", "iris", (64, 1), p99) is None


def test_aims_that_were_missed_stay_in_the_list() -> None:
    found = {aim.what: aim.met for aim in aims(Summary(EVERYTHING))}
    assert found["iris: answered requests/s beside Litserve, 64 connections"] is True
    assert found["iris: p50 with one connection"] is False
    assert found["iris: p99 over that of the best batching peer, 64 connections"] is False
    assert "| **missed** |" in page(Summary(EVERYTHING), "benchmarks")


def test_the_page_says_where_a_peer_was_better() -> None:
    text = page(Summary(EVERYTHING), "benchmarks")
    assert "| iris | 64 connections, 1 row | Fastapi | 0.90 |" in text
    assert "| iris | 64 connections, 64 rows | Litserve | 0.75 |" in text
    assert "2 of Fastapi's were wrong" in text


def test_a_lost_load_is_called_lost_everywhere() -> None:
    text = page(Summary(EVERYTHING), "benchmarks")
    assert "It loses 3" in text
    assert (
        "| Jubako | 300/s, p99 3.00 ms, **lost to Fastapi** | 900/s, p99 30.0 ms, **lost to Fastapi** | 800/s" in text
    )
    assert "| iris | Fastapi | 6.00 | **lost** |" in text
    told = readme.put(f"Before\n\n{readme.START}\nold\n{readme.END}\n\nAfter", Summary(EVERYTHING))
    assert "| Fastapi | 1,000 | 3.00 ms | 0 | 0.90, **lost** |" in told
    assert "| Litserve | 100 | 3.00 ms | 0 | 9.00, won |" in told
    assert "Jubako loses 3 of the 3 loads of that run" in told
    assert "It loses 2 to Fastapi (iris 2)." in told
    assert told.startswith("Before")
    assert told.endswith("After")
    assert "old" not in told


def test_a_peer_that_took_no_part_is_named() -> None:
    assert "- NVIDIA Triton: took no part in this run" in page(Summary(EVERYTHING), "benchmarks")


def test_what_was_not_measured_is_said() -> None:
    skipped = Skipped(server="jubako", model="iris", connections=256, rows=64, why="too long a line")
    text = page(Summary(EVERYTHING.model_copy(update={"skipped": [skipped]})), "benchmarks")
    assert "- iris, 256 connections, 64 rows: too long a line" in text


def test_what_the_host_took_is_said() -> None:
    robbed = run(load(stolen=0.25), load(connections=1))
    assert "took 12.5% of the processor time in the median load and 25% in the worst" in page(Summary(robbed), "b")
    assert "host took" not in page(Summary(EVERYTHING), "b")


def test_something_else_that_ran_is_said() -> None:
    busy = EVERYTHING.model_copy(update={"machine": EVERYTHING.machine.model_copy(update={"load_before": 7.0})})
    assert "The machine was not idle" in page(Summary(busy), "benchmarks")
    assert "not idle" not in page(Summary(EVERYTHING), "benchmarks")


def test_the_terminal_shows_every_server_and_every_aim() -> None:
    out = io.StringIO()
    show(EVERYTHING, Console(file=out, width=120))
    assert all(name in out.getvalue() for name in ("Jubako", "Litserve", "20.0% failed", "MISSED", "met"))


@pytest.mark.slow
def test_equal_runs_make_equal_pages_and_plots(tmp_path: Path) -> None:
    """So that a changed number shows in a diff, and nothing else does."""
    for place in ("one", "two"):
        EVERYTHING.write(tmp_path / place / "run.json")
        report.main([str(tmp_path / place / "run.json"), "--docs", str(tmp_path / place)])
    files = sorted(file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*.*"))
    assert {file.suffix for file in files} == {".md", ".png", ".json"}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_written_run_is_read_back_with_five_digits(tmp_path: Path) -> None:
    exact = run(load(p50=1.2345678), load("litserve"))
    exact.write(tmp_path / "run.json")
    found = Run.read(tmp_path / "run.json")
    assert found.loads[0].p50 == 1.2346
    assert found.model_copy(update={"loads": exact.loads}) == exact


def test_kept_plots_and_run_are_small() -> None:
    assert all(file.stat().st_size < 100_000 for file in KEPT.parent.iterdir())


def test_a_quick_run_makes_no_page(tmp_path: Path) -> None:
    run(load(), quick=True).write(tmp_path / "quick.json")
    with pytest.raises(SystemExit):
        report.main([str(tmp_path / "quick.json"), "--docs", str(tmp_path)])
    assert not (tmp_path / "benchmarks.md").exists()


def test_a_run_says_nothing_that_names_the_machine() -> None:
    told = host.describe().model_dump_json()
    assert socket.gethostname() not in told
    assert str(Path.home()) not in told


KEPT = ROOT / "docs" / "benchmarks" / "run.json"


def test_the_kept_page_is_what_the_kept_run_says() -> None:
    kept = Run.read(KEPT)
    assert (ROOT / "docs" / "benchmarks.md").read_text() == page(Summary(kept), "benchmarks")
    text = (ROOT / "README.md").read_text()
    assert text == readme.put(text, Summary(kept))
    assert not kept.quick


def test_a_run_that_was_broken_off_is_gone_on_with_but_not_from_the_middle_of_a_turn() -> None:
    broken_off = run(load(), load(round=1))
    begun = run(load()).begun(broken_off)
    assert [one.round for one in begun.loads] == [0]
    assert begun.finished() == {(one.server, one.model, one.round) for one in broken_off.lives}
    assert "One run of `make bench`, interrupted once and continued, " in page(Summary(begun), "benchmarks")
    with pytest.raises(Unlike, match="the runs differ in seconds"):
        run(load()).begun(broken_off.model_copy(update={"seconds": 9.0}))


def test_a_run_that_was_ended_early_says_what_is_missing() -> None:
    ended = run(load(), load("litserve")).model_copy(update={"rounds": 2})
    assert ended.missing() == {"iris": 2}
    assert "**Incomplete:** the run ended before some servers' last turns (2 with iris)" in page(Summary(ended), "b")
    assert "Incomplete" not in page(Summary(EVERYTHING), "b")
