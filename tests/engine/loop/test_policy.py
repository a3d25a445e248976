"""The policy on recorded windows: when it starts a training, and what it says when it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.loop.faults import DataFault
from jubako.loop.policy import DAY, LoopDecision, PolicyMemory, WindowFacts, decide
from jubako.loop.settings import LoopSettings

RULES = LoopSettings()
HOUR = 3_600.0
SHIFTED = DataFault(column="age", what="unit", value=1000.0)
EMPTY = DataFault(column="charges", what="missing", value=0.4)


def quiet(rows: int = 200, share: float = 0.05, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return (np.random.default_rng(seed).random(rows) < share).astype(np.float64)


def window(place: int = 0, **said: Any) -> WindowFacts:
    """An hour in which nothing happens, and all that a start needs is there."""
    usual: dict[str, Any] = {
        "start": place * HOUR, "end": (place + 1) * HOUR, "version": "one", "losses": quiet(seed=place),
        "limit": 0.08, "drift": "stable", "fresh": 5_000, "unseen": 500, "training_rows": 8_000,
        "seen": float(place + 1), "span": (place * HOUR, (place + 1) * HOUR),
    }  # fmt: skip
    return WindowFacts(**{**usual, **said})


def replay(
    windows: Iterable[WindowFacts], memory: PolicyMemory = PolicyMemory(), rules: LoopSettings = RULES
) -> Iterator[tuple[LoopDecision, PolicyMemory]]:
    for facts in windows:
        decision, memory = decide(facts, memory, rules)
        yield decision, memory


def reasons(windows: Iterable[WindowFacts], rules: LoopSettings = RULES) -> list[str]:
    return [
        decision.action if decision.action == "train" else decision.reason
        for decision, _ in replay(windows, rules=rules)
    ]


def bad(place: int = 0, **said: Any) -> WindowFacts:
    return window(place, **{"losses": quiet(share=0.4, seed=place), **said})


def test_a_quiet_window_says_nothing_because_and_its_numbers() -> None:
    decision, _ = decide(window(), PolicyMemory(), RULES)
    assert (decision.action, decision.reason) == ("nothing", "quiet")
    assert "nothing, because quality is as in training" in decision.why
    assert decision.numbers["control_rows"] == 200
    assert 0.02 < decision.numbers["loss"] < 0.09


def test_a_drop_of_quality_starts_a_training() -> None:
    (decision, memory), *_ = replay([bad()])
    assert (decision.action, decision.reason) == ("train", "quality")
    assert "quality fell" in decision.why
    assert (memory.since_start, memory.starts, memory.trained, memory.alarmed) == (0, (HOUR,), 1.0, False)


def test_drift_starts_a_training_after_three_windows_in_a_row_and_not_before() -> None:
    def drifting(kinds: str) -> list[WindowFacts]:
        words: dict[str, Literal["drifted", "stable", "unknown"]] = {"d": "drifted", "s": "stable", "u": "unknown"}
        return [window(place, drift=words[kind]) for place, kind in enumerate(kinds)]

    assert reasons(drifting("ddsdd")) == ["quiet"] * 5
    assert reasons(drifting("ddd")) == ["quiet", "quiet", "train"]
    assert reasons(drifting("dudud")) == ["quiet"] * 4 + ["train"], "a window with too few rows says nothing"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"fresh": 1_999}, "fresh rows"),
        ({"unseen": 199}, "control rows"),
        ({"held": "stopped"}, "stopped"),
        ({"held": "paused"}, "paused"),
        ({"held": "training"}, "training"),
        ({"held": "rollout"}, "rollout"),
        ({"version": None}, "no version"),
    ],
)
def test_what_stands_in_the_way_is_named_and_the_alarm_waits_for_it(said: dict[str, Any], reason: str) -> None:
    """An alarm is not forgotten while something stands in its way."""
    first, second = replay([bad(0, **said), window(1)])
    assert (first[0].action, first[0].reason) == ("nothing", reason)
    assert first[0].why.startswith("nothing, ")
    if said.get("version", "one") is not None:
        assert (second[0].action, second[0].reason) == ("train", "quality")


def test_a_small_table_needs_a_quarter_of_its_rows() -> None:
    assert reasons([bad(fresh=25, unseen=20, training_rows=100)]) == ["train"]
    assert reasons([bad(fresh=24, unseen=20, training_rows=100)]) == ["fresh rows"]


def test_three_windows_lie_between_two_starts() -> None:
    assert reasons(bad(place) for place in range(6)) == ["train", *["cool-down"] * 3, "train", "cool-down"]


def test_a_day_has_a_budget_of_starts() -> None:
    rules = LoopSettings(cooldown_windows=1, starts_a_day=2)
    seen = reasons((bad(place) for place in range(30)), rules)
    assert seen[:6] == ["train", "cool-down", "train", "cool-down", "budget", "budget"]
    assert [place for place, reason in enumerate(seen) if reason == "train"] == [0, 2, 24, 26]


def test_a_data_fault_blocks_names_its_column_and_is_released_after_five_windows() -> None:
    """Retraining on missing values or another unit would hide the fault; those rows stay out for good."""
    found = list(replay(bad(place, faults=(SHIFTED,)) for place in range(6)))
    assert [decision.reason for decision, _ in found] == ["data fault"] * 4 + ["quiet", "quality"]
    assert "age looks like another unit (1000 times as wide" in found[0][0].why
    assert "4 more such windows" in found[0][0].why
    memory = found[-1][1]
    assert memory.released == ("age",)
    assert memory.flagged == tuple((place * HOUR, (place + 1) * HOUR) for place in range(5))


def test_losses_on_faulty_data_say_nothing_about_the_version() -> None:
    *_, (_, memory) = replay([bad(0, faults=(EMPTY,)), bad(1, faults=(EMPTY,))])
    assert not memory.alarmed
    assert set(memory.alarm) == {0.0}


def test_a_person_releases_a_column_and_another_fault_still_blocks() -> None:
    memory = PolicyMemory(version="one", released=("age",))
    assert decide(bad(faults=(SHIFTED,)), memory, RULES)[0].action == "train"
    assert decide(bad(faults=(SHIFTED, EMPTY)), memory, RULES)[0].reason == "data fault"


def test_a_new_version_begins_with_a_clean_record() -> None:
    *_, (_, memory) = replay([bad(0, held="paused", drift="drifted"), window(1, version="two")])
    assert (memory.alarmed, memory.drifted, memory.released) == (False, 0, ())


def test_noise_starts_nothing_in_a_thousand_windows() -> None:
    noise = (window(place, losses=quiet(seed=place, share=0.07)) for place in range(1_000))
    assert reasons(noise) == ["quiet"] * 1_000


FACTS = st.builds(
    WindowFacts,
    start=st.just(0.0),
    end=st.just(HOUR),
    version=st.sampled_from(["one", "two", None]),
    losses=st.lists(st.floats(0, 1), max_size=60).map(np.array),
    limit=st.floats(0, 1.2),
    drift=st.sampled_from(["drifted", "stable", "unknown"]),
    faults=st.lists(st.sampled_from([SHIFTED, EMPTY]), unique=True, max_size=2).map(tuple),
    fresh=st.integers(0, 4_000),
    unseen=st.integers(0, 400),
    training_rows=st.integers(0, 20_000),
    held=st.sampled_from([None, "stopped", "paused", "training", "rollout"]),
)


@given(st.lists(FACTS, min_size=1, max_size=30))
def test_no_history_starts_a_training_against_a_rule(history: list[WindowFacts]) -> None:
    """Whatever happens: no start is blocked, early, beyond the budget or without fresh rows, and each has a reason."""
    starts: list[float] = []
    memory = PolicyMemory()
    for place, facts in enumerate(history):
        from dataclasses import replace

        timed = replace(facts, start=place * HOUR, end=(place + 1) * HOUR, span=(place * HOUR, (place + 1) * HOUR))
        before = memory
        decision, memory = decide(timed, memory, RULES)
        assert decision.why.startswith(("nothing, ", "train, because "))
        assert all(np.isfinite(number) for number in decision.numbers.values())
        assert PolicyMemory.model_validate_json(memory.model_dump_json()) == memory
        if decision.action == "train":
            assert facts.version is not None
            assert facts.held is None
            assert {fault.column for fault in facts.faults} <= set(memory.released)
            assert facts.fresh >= min(2_000, facts.training_rows // 4)
            assert all(timed.end - start > 3 * HOUR for start in starts)
            assert sum(timed.end - start < DAY for start in starts) < RULES.starts_a_day
            starts.append(timed.end)
        else:
            assert memory.trained == before.trained
