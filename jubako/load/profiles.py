"""How many callers come, when, and how fast each of them asks: one class a profile, each a Locust shape.

Callers are paced: each asks ``rate`` times a second, or as soon as the answer came when that is later. So a slow
service is asked less than it should be; what it was asked stands in the report.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from locust import LoadTestShape

from jubako.load.plan import Order


class Stage(NamedTuple):
    """So many callers for a part of the run; the parts are relative to each other."""

    part: float
    users: int


class Profile(LoadTestShape):
    abstract: ClassVar[bool] = True
    seconds: ClassVar[float]
    stages: ClassVar[tuple[Stage, ...]]
    rate: ClassVar[float] = 4.0
    """Requests a second and caller; 0 for as many as they can."""
    rows: ClassVar[tuple[tuple[int, float], ...]] = ((1, 1.0),)
    """How many rows a request has, and how common that is."""
    weights: ClassVar[dict[str, int]] = {}
    """How many callers a model has beside the others; by default all have equally many."""
    kills_every: ClassVar[float | None] = None
    """Seconds between two runners that are killed."""
    order: ClassVar[Order] = Order()

    @classmethod
    def peak(cls) -> int:
        return max(stage.users for stage in cls.stages)

    @classmethod
    def length(cls) -> float:
        return cls.order.seconds or cls.seconds

    @classmethod
    def users_at(cls, second: float) -> int | None:
        """How many callers there should be; None when it is over."""
        whole = sum(stage.part for stage in cls.stages)
        end = 0.0
        for stage in cls.stages:
            end += stage.part / whole * cls.length()
            if second < end:
                share = (cls.order.users or cls.peak()) / cls.peak()
                return max(1, round(stage.users * share))
        return None

    def tick(self) -> tuple[int, float] | None:
        users = self.users_at(self.get_run_time())  # type: ignore[no-untyped-call]
        sent = self.runner.stats.num_requests if self.runner is not None else 0
        if users is None or sent >= self.order.requests:
            return None
        return users, max(5.0, users / 2)


class Smoke(Profile):
    """One caller a model: does everything work at all?"""

    seconds = 15.0
    stages = (Stage(1, 5),)


class Steady(Profile):
    """An ordinary busy hour, in a minute."""

    seconds = 60.0
    stages = (Stage(1, 20),)


class Ramp(Profile):
    """More and more, to where the answers become slow: the plots show where."""

    seconds = 120.0
    stages = tuple(Stage(1, users) for users in (10, 20, 30, 40, 60, 80, 100, 120))


class Spike(Profile):
    """Eight times as many for a while, without warning. Afterwards all must be as before."""

    seconds = 90.0
    stages = (Stage(3, 10), Stage(2, 80), Stage(4, 10))


class Soak(Profile):
    """Half an hour of the same: does memory grow, do answers slow down?"""

    seconds = 1_800.0
    stages = (Stage(1, 20),)


class Mixed(Profile):
    """Small and large requests at once, some models asked more than others: large ones must not starve small ones."""

    seconds = 60.0
    stages = (Stage(1, 20),)
    rows = ((1, 0.8), (8, 0.15), (64, 0.05))
    weights: ClassVar[dict[str, int]] = {"iris": 3, "housing": 2, "churn": 3, "sentiment": 1, "image": 1}


class Chaos(Profile):
    """Runners are killed while callers ask. Nobody should notice more than a slower answer."""

    seconds = 60.0
    stages = (Stage(1, 20),)
    kills_every = 12.0


class Ceiling(Profile):
    """As fast as this generator can, against a responder that does nothing: what it could measure at most."""

    seconds = 6.0
    stages = (Stage(1, 25),)
    rate = 0.0


PROFILES: dict[str, type[Profile]] = {
    profile.__name__.lower(): profile for profile in (Smoke, Steady, Ramp, Spike, Soak, Mixed, Chaos, Ceiling)
}
