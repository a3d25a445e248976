"""The study of the judge simulates the judge that decides in production, and its page says what was kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from benchmarks.studies import judge as study
from benchmarks.studies import judge_labels, judge_rules
from benchmarks.studies.judge_cells import Kept
from benchmarks.studies.judge_page import write_page
from benchmarks.studies.judge_real_page import RealKept
from benchmarks.studies.judge_streams import FAULTS, SCENARIOS, Streams, quantile, simulate, slower_than
from jubako.rollout.evidence import ArmCounts, Evidence, SecondCounts
from jubako.rollout.judge import judge


def decided(streams: Streams, row: int) -> int:
    """The second in which the judge itself rolls back."""
    evidence = Evidence()
    for at in range(streams.failed[0].shape[1]):
        canary, baseline = (
            ArmCounts(
                int(streams.requests[arm][row, at]),
                int(streams.failed[arm][row, at]),
                tuple(int(slow[row, at]) for slow in streams.slow[arm]),
            )
            for arm in range(2)
        )
        evidence = evidence.add(SecondCounts(canary, baseline))
        if judge(evidence).state == "roll_back":
            return at
    return judge_rules.NEVER


@pytest.mark.parametrize("fault", ["none", "errors 0.1% to 1%", "p99 times 2", "all requests fail"])
def test_the_simulated_judge_decides_in_the_second_in_which_the_judge_does(fault: str) -> None:
    streams = simulate(1_000, "failed batches", FAULTS[fault], 3, np.random.default_rng(1))
    assert judge_rules.judged(streams).tolist() == [decided(streams, row) for row in range(3)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_identical_versions_are_counted_alike_in_both_arms(scenario: str) -> None:
    """Only the tolerance differs: fewer of the canary's requests exceed it."""
    streams = simulate(100, scenario, FAULTS["none"], 100, np.random.default_rng(2))
    (requests, usual), (failed, usually) = streams.requests, streams.failed
    assert requests.mean() == pytest.approx(usual.mean(), rel=0.02)
    assert failed.mean() == pytest.approx(usually.mean(), rel=0.1)
    for slow, slow_usually in zip(*streams.slow, strict=True):
        assert slow.mean() < slow_usually.mean()
        assert (slow <= requests - failed).all()


def test_faults_are_as_large_as_their_names() -> None:
    assert FAULTS["errors 1% to 2%"].extra == pytest.approx(0.01, abs=2e-4)
    assert FAULTS["p99 times 2"].latency(2 * quantile(0.99)) == pytest.approx(0.01, abs=1e-6)
    assert FAULTS["p99 times 2"].latency(quantile(0.9)) == pytest.approx(0.1, abs=1e-6)
    assert FAULTS["all latencies times 1.3"].latency(1.3 * quantile(0.5)) == pytest.approx(0.5, abs=1e-6)
    assert slower_than(quantile(0.9)) == pytest.approx(0.1, abs=1e-6)


def test_the_kayenta_like_rule_uses_the_mann_whitney_test() -> None:
    rng = np.random.default_rng(3)
    canary, baseline = rng.poisson(3.0, (40, 10)) / 2, rng.poisson(2.0, (40, 10)) / 2
    expected = mannwhitneyu(
        canary, baseline, alternative="greater", method="asymptotic", use_continuity=False, axis=1
    ).pvalue
    assert (judge_rules._higher(canary, baseline, 1.6449, 0.0) == (expected < 0.05)).all()
    assert 0 < (expected < 0.05).sum() < 40


def test_a_version_worse_by_the_margin_is_seldom_promoted() -> None:
    cell = judge_labels.labelled(0.05, judge_labels.MARGIN, 200, np.random.default_rng(4))
    assert cell.promoted <= 10
    assert cell.promoted + cell.rolled_back + cell.inconclusive == 200


@pytest.fixture(scope="module")
def kept() -> Kept:
    jobs = study.jobs(0.002, seed=5)
    wanted = {"identical": [10, 14], "faults": [2, 20], "labels": [0, 4], "agreement": [0, 4]}
    return Kept("today", 1.0, 5, **{name: [jobs[name][at]() for at in places] for name, places in wanted.items()})


def test_what_is_kept_comes_back_from_json(kept: Kept) -> None:
    assert Kept.restored(json.loads(json.dumps(kept.dumped()))) == kept


def test_the_page_names_misses_and_a_bound_for_every_mistake(kept: Kept, tmp_path: Path) -> None:
    write_page(kept, tmp_path / "judge.md")
    page = (tmp_path / "judge.md").read_text()
    assert "| 1,000, calm |" in page
    assert "| all requests fail, 1,000 | 100.0% | 3 |" in page
    assert "**Missed**" in page
    assert "worse by 1%, 2% differ" in page
    assert "(at most " in page
    assert "nan" not in page


def test_the_page_in_the_repository_is_what_the_kept_numbers_say(tmp_path: Path) -> None:
    real = RealKept.model_validate_json(study.REAL.read_bytes())
    write_page(Kept.restored(json.loads(study.KEEP.read_text())), tmp_path / "judge.md", real)
    assert (tmp_path / "judge.md").read_text() == study.PAGE.read_text()
