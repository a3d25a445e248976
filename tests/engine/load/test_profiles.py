"""Profiles are bounded, and do what their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from jubako.load.plan import MAX_SECONDS, MAX_USERS, LoadPlan, PlanRefused, require_local_host
from jubako.load.profiles import PROFILES, Chaos, LoadProfile, Ramp, Smoke, Spike, Steady
from tests.reading import ROOT


@pytest.fixture(autouse=True)
def default_plan() -> Iterator[None]:
    yield
    LoadProfile.plan, LoadProfile.models = LoadPlan(), 1


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_ends_and_has_no_more_users_than_allowed(name: str) -> None:
    profile = PROFILES[name]
    assert profile.users_at(0.0)
    assert profile.users_at(profile.length()) is None
    assert profile.length() <= MAX_SECONDS
    assert profile.peak() <= MAX_USERS
    assert profile.__doc__


def test_every_profile_that_is_asked_for_exists() -> None:
    assert {"smoke", "steady", "ramp", "spike", "soak", "mixed", "chaos"} <= set(PROFILES)
    assert Chaos.kills_every


def test_a_ramp_only_rises_and_a_spike_comes_back() -> None:
    rising = [Ramp.users_at(second) or 0 for second in range(int(Ramp.seconds))]
    assert rising == sorted(rising)
    spiking = [Spike.users_at(second) or 0 for second in range(int(Spike.seconds))]
    assert spiking[0] == spiking[-1] == min(spiking)
    assert max(spiking) == 8 * min(spiking)


def test_seconds_and_users_scale_a_profile_as_a_whole() -> None:
    LoadProfile.plan = LoadPlan(seconds=9.0, users=8)
    assert [Spike.users_at(second) for second in (0, 3.5, 6, 8.9, 9)] == [1, 8, 1, 1, None]


def test_smoke_has_one_user_for_each_model() -> None:
    LoadProfile.models = 3
    assert Smoke.users_at(0.0) == 3
    LoadProfile.plan = LoadPlan(users=12)
    assert Smoke.users_at(0.0) == 12


def test_a_plan_names_models_of_the_collection() -> None:
    assert LoadPlan().asked(["iris", "wine"]) == ("iris", "wine")
    assert LoadPlan(models=("wine",)).asked(["iris", "wine"]) == ("wine",)
    with pytest.raises(PlanRefused, match="no model roses; there are iris, wine"):
        LoadPlan(models=("roses",)).asked(["iris", "wine"])


def test_a_run_ends_at_its_number_of_requests() -> None:
    LoadProfile.plan = LoadPlan(requests=10)
    shape = Steady()
    assert shape.tick() is not None

    class Done:
        class stats:  # noqa: N801 (as Locust's runner has it)
            num_requests = 10

    shape.runner = Done()  # type: ignore[assignment]
    assert shape.tick() is None


WRONG: list[dict[str, Any]] = [
    {"seconds": 1e6},
    {"seconds": 0.0},
    {"users": 10**6},
    {"requests": 10**9},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_run_without_bounds_or_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PlanRefused):
        LoadPlan(**wrong)


def test_a_plan_travels_through_the_environment_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = LoadPlan("spike", 5.0, 6, 7, 8, ROOT / "x.json", False, ROOT / "y.yaml", ("iris", "image"), own_host=True)
    for name, value in plan.environment().items():
        monkeypatch.setenv(name, value)
    assert LoadPlan.from_environment() == plan


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.1:3000", "localhost:3000", "http://localhost.evil"]
)
def test_another_machine_is_never_loaded_by_accident(url: str) -> None:
    with pytest.raises(PlanRefused, match="--i-own-this-host"):
        require_local_host(url, own_host=False)
    require_local_host(url, own_host=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:1", "http://[::1]:3000"])
def test_this_machine_may_be_loaded(url: str) -> None:
    require_local_host(url, own_host=False)


def test_make_load_names_a_profile_that_exists() -> None:
    default = re.search(r"^PROFILE \?= (\w+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert default
    assert default[1] in PROFILES
