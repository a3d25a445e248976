"""What follows from the judge's verdicts, for one process and for several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jubako.rollout import controller, counts, latencies, record
from jubako.rollout.counts import ProcessCounts
from jubako.rollout.evidence import ArmCounts, PairCounts, SecondCounts
from jubako.rollout.record import Plan, RolloutRecord, RolloutRefused, Split
from jubako.versions import stages
from tests.engine.tiny.models import SumModel
from tests.engine.tiny.versions import VERSION, home_with_tiny_versions, make

CANDIDATE = "20261128-000000-tiny01"
GOOD = SecondCounts(ArmCounts(50, 0, (25, 5, 1)), ArmCounts(50, 0, (25, 5, 1)), PairCounts(20))
BAD = SecondCounts(ArmCounts(50, 5, (25, 5, 1)), ArmCounts(50, 0, (25, 5, 1)), PairCounts(20))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_with_tiny_versions(tmp_path).use(monkeypatch)
    make(SumModel, CANDIDATE)


def started(**changed: Any) -> RolloutRecord:
    plan = Plan(
        candidate=CANDIDATE,
        production=VERSION,
        **{"shares": (0.0, 0.05, 0.5), "seconds": 5, "requests": 50, "margin": 0.01, **changed},
    )
    return record.start("sums", plan, "a test", "somebody")


def counted(second: SecondCounts, process: str = "one", seconds: int = 10, first: int = 0, **more: Any) -> None:
    """A process writes down as many equal seconds."""
    rollout = record.read("sums").current
    assert rollout is not None
    made = ProcessCounts(process, rollout.id, **more)
    for moment in range(first, first + seconds):
        made.add(int(rollout.started) + moment, second)
    made.totals["production"].latencies = latencies.count([0.01] * 100)
    made.write("sums")


def looked(at: float = 60.0) -> Any:
    now = record.read("sums").current
    assert now is not None
    rollout = controller.judge_model(SumModel, now.started + at).current
    assert rollout is not None
    return rollout


@pytest.mark.usefixtures("store")
class TestWithAStore:
    def test_a_good_candidate_goes_step_by_step_into_production(self) -> None:
        started()
        shares = []
        for step in range(3):
            counted(GOOD, first=10 * step)
            shares.append(looked().share)
        assert shares == [0.05, 0.5, 0.0]
        assert stages.stages_of("sums").production == CANDIDATE
        rollout, history = record.read("sums").current, record.read("sums").history
        assert rollout is not None
        assert rollout.status == "promoted"
        assert [(one.who, one.what) for one in history] == [
            ("somebody", "start"), ("judge", "step"), ("judge", "step"), ("judge", "promote"),
        ]  # fmt: skip
        assert stages.history("sums")[-1].who == "judge"
        assert "differ on fewer than 1% of rows" in stages.history("sums")[-1].why

    def test_a_candidate_that_fails_requests_is_rolled_back(self) -> None:
        started()
        counted(GOOD)
        looked()
        counted(BAD, seconds=30, first=10)
        rollout = looked()
        assert (rollout.status, rollout.share) == ("rolled_back", 0.0)
        assert "the canary failed" in record.read("sums").history[-1].why
        assert stages.stages_of("sums").production == VERSION

    def test_a_second_is_counted_once_whoever_judges_and_however_often(self) -> None:
        started(seconds=1000)
        counted(GOOD)
        assert looked().evidence["canary"]["requests"] == 500
        assert looked().evidence["canary"]["requests"] == 500
        counted(GOOD, seconds=12)
        assert looked().evidence["canary"]["requests"] == 600

    def test_all_replicas_are_judged_as_one(self) -> None:
        started(seconds=1000)
        for replica in ("one", "other"):
            counted(GOOD, replica)
        rollout = looked()
        assert (rollout.evidence["seconds"], rollout.evidence["canary"]["requests"]) == (10, 1000)

    def test_the_old_versions_latencies_are_frozen_before_the_canary_begins(self) -> None:
        started()
        counted(GOOD)
        assert looked().thresholds == pytest.approx((0.0095, 0.0103, 0.0105), abs=0.001)

    def test_labels_of_a_database_count_once_although_each_worker_tells_them(self) -> None:
        started(seconds=1000)
        for worker in ("one", "other"):
            counted(GOOD, worker, labels={"database": PairCounts(0, 0, 1, 2, 30)})
        pairs = looked().seen().pairs
        assert (pairs.only_candidate_wrong, pairs.only_production_wrong, pairs.ties) == (1, 2, 30)
        counted(GOOD, labels={"database": PairCounts(0, 0, 1, 2, 31)})
        assert looked().seen().pairs.ties == 31

    def test_a_paused_rollout_keeps_its_share_and_is_still_rolled_back(self) -> None:
        started()
        counted(GOOD)
        looked()
        record.move("sums", "pause", "lunch")
        counted(GOOD, first=10)
        assert (looked().status, looked().share) == ("paused", 0.05)
        counted(BAD, seconds=30, first=20)
        assert looked().status == "rolled_back"

    def test_an_undecided_rollout_asks_a_person_once(self) -> None:
        started(shares=(0.0,), requests=1)
        differs = SecondCounts(pairs=PairCounts(10, 10, 2020, 1980, 0))
        counted(differs, seconds=60)
        assert looked(100.0).status == "undecided"
        record.move("sums", "resume", "wait for more labels")
        assert looked(100.0).status == "running"

    def test_a_shadow_alone_ends_with_a_finding_and_moves_nothing(self) -> None:
        started(shares=(0.0,), shadow_only=True)
        counted(SecondCounts(pairs=PairCounts(200)))
        assert looked().status == "finished"
        assert stages.stages_of("sums").production == VERSION

    def test_a_split_of_callers_is_never_judged(self) -> None:
        started(split=Split(header="X-Customer", share=0.5))
        counted(BAD, seconds=50)
        assert looked().status == "running"
        record.move("sums", "abort", "seen enough")
        assert record.read("sums").current.status == "finished"  # type: ignore[union-attr]

    @pytest.mark.parametrize(("more", "words"), [({"deaths": 5}, "ended 5 times"), ({"excess": "leaks"}, "leaks")])
    def test_a_candidate_whose_process_is_not_fit_is_rolled_back_in_any_step(
        self, more: dict[str, Any], words: str
    ) -> None:
        started()
        counted(GOOD, seconds=1, **more)
        assert looked().status == "rolled_back"
        assert words in record.read("sums").history[-1].why

    def test_a_rollout_ends_when_somebody_promotes_another_version(self) -> None:
        make(SumModel, "20261128-000001-tiny02")
        started()
        stages.promote(SumModel, "20261128-000001-tiny02", "by hand")
        counted(GOOD)
        assert looked().status == "aborted"
        assert "was put into production meanwhile" in record.read("sums").history[-1].why

    def test_a_promotion_that_was_killed_half_way_is_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        started()
        record.move("sums", "promote", "I saw enough", "somebody")
        with monkeypatch.context() as patch:
            patch.setattr(stages, "promote", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                looked()
        assert stages.stages_of("sums").production == VERSION
        assert looked().status == "promoted"
        last = stages.history("sums")[-1]
        assert (last.target, last.who, last.why) == (CANDIDATE, "somebody", "I saw enough")

    def test_one_rollout_a_model_at_a_time(self) -> None:
        started()
        with pytest.raises(RolloutRefused, match="has a rollout already"):
            started()

    def test_what_is_over_cannot_be_moved(self) -> None:
        started()
        record.move("sums", "abort", "no")
        for what in ("pause", "resume", "abort", "promote"):
            with pytest.raises(RolloutRefused, match="has no rollout"):
                record.move("sums", what, "why")  # type: ignore[arg-type]

    def test_counts_of_earlier_rollouts_are_deleted(self) -> None:
        started()
        counted(GOOD)
        counts.remove_others("sums", "another")
        assert not list(record.folder().glob("*.counts"))

    def test_the_timeline_stays_small(self) -> None:
        now = started(seconds=100_000)
        assert now.current is not None
        for second in range(1000):
            now = controller.judged("sums", now, {}, now.current.started + second)  # type: ignore[union-attr]
        assert now.current is not None
        assert 100 < len(now.current.timeline) <= controller.MAX_POINTS
