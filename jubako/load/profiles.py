"""Profiles of load, one class each, as Locust shapes: how many users there are, when, and how fast each of them asks.

Users are paced: each sends ``rate`` requests a second, or the next one right after a later answer. A slow service
therefore gets less load than planned; the report shows how much it got.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from locust import LoadTestShape

from jubako.load.plan import LoadPlan


class Step(NamedTuple):
    """A number of users for a part of the run; parts are relative to each other."""

    part: float
    users: int


class LoadProfile(LoadTestShape):
    abstract: ClassVar[bool] = True
    seconds: ClassVar[float]
    steps: ClassVar[tuple[Step, ...]]
    rate: ClassVar[float] = 4.0
    """Requests a second of each user; 0 for no pause."""
    rows: ClassVar[tuple[tuple[int, float], ...]] = ((1, 1.0),)
    """Rows in a request, and the share of such requests."""
    weights: ClassVar[tuple[int, ...]] = (1,)
    """Relative numbers of users of the models, in the collection's order, repeated where there are more models."""
    users_per_model: ClassVar[bool] = False
    """Whether steps count users for each model instead of for all."""
    kills_every: ClassVar[float | None] = None
    """Seconds between two kills of a runner."""
    plan: ClassVar[LoadPlan] = LoadPlan()
    models: ClassVar[int] = 1

    @classmethod
    def peak(cls) -> int:
        return max(step.users for step in cls.steps) * (cls.models if cls.users_per_model else 1)

    @classmethod
    def length(cls) -> float:
        return cls.plan.seconds or cls.seconds

    @classmethod
    def users_at(cls, second: float) -> int | None:
        """Users at this second; None after the end."""
        whole = sum(step.part for step in cls.steps)
        end = 0.0
        for step in cls.steps:
            end += step.part / whole * cls.length()
            if second < end:
                share = step.users / max(one.users for one in cls.steps)
                return max(1, round((cls.plan.users or cls.peak()) * share))
        return None

    def tick(self) -> tuple[int, float] | None:
        users = self.users_at(self.get_run_time())  # type: ignore[no-untyped-call]
        sent = self.runner.stats.num_requests if self.runner is not None else 0
        if users is None or sent >= self.plan.requests:
            return None
        return users, max(5.0, users / 2)


class Smoke(LoadProfile):
    """One user for each model: does everything work at all?"""

    seconds = 15.0
    steps = (Step(1, 1),)
    users_per_model = True


class Steady(LoadProfile):
    """The load of an ordinary busy hour, for a minute."""

    seconds = 60.0
    steps = (Step(1, 20),)


class Ramp(LoadProfile):
    """More and more users: the plots show where answers become slow."""

    seconds = 120.0
    steps = tuple(Step(1, users) for users in (10, 20, 30, 40, 60, 80, 100, 120))


class Spike(LoadProfile):
    """Suddenly eight times as many users for a while. Afterwards everything must be as before."""

    seconds = 90.0
    steps = (Step(3, 10), Step(2, 80), Step(4, 10))


class Soak(LoadProfile):
    """Constant load for half an hour: does memory grow, do answers slow down?"""

    seconds = 1_800.0
    steps = (Step(1, 20),)


class Mixed(LoadProfile):
    """Small and large requests at once, more for some models: large ones must not starve small ones."""

    seconds = 60.0
    steps = (Step(1, 20),)
    rows = ((1, 0.8), (8, 0.15), (64, 0.05))
    weights = (3, 2, 1)


class Chaos(LoadProfile):
    """Runners are killed under load. Clients should notice no more than slower answers."""

    seconds = 60.0
    steps = (Step(1, 20),)
    kills_every = 12.0


class Ceiling(LoadProfile):
    """As fast as this generator can send to a server that computes nothing: the most that it can measure."""

    seconds = 6.0
    steps = (Step(1, 25),)
    rate = 0.0


PROFILES: dict[str, type[LoadProfile]] = {
    profile.__name__.lower(): profile for profile in (Smoke, Steady, Ramp, Spike, Soak, Mixed, Chaos, Ceiling)
}
