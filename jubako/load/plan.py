"""What one run was told. It travels to Locust's processes in the environment: plain ``locust -f`` can be told too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bentos.cards import CARDS
from jubako.load.objectives import FILE

PREFIX = "JUBAKO_LOAD_"
MOST_SECONDS = 4 * 3_600.0
MOST_USERS = 2_000
MOST_REQUESTS = 5_000_000


class OrderRefused(ValueError):
    """What was asked for is not done, and why."""


@dataclass(frozen=True, slots=True)
class Order:
    profile: str = "steady"
    seconds: float | None = None
    """The whole run; by default what the profile says."""
    users: int | None = None
    """At the profile's peak."""
    requests: int = MOST_REQUESTS
    """The run ends when so many were sent."""
    seed: int = 7
    summary: Path | None = None
    """Where the measured numbers go, as JSON."""
    judged: bool = True
    objectives: Path = FILE
    models: tuple[str, ...] = ()
    """Who is asked; nobody named means all."""
    own_host: bool = False
    """Whether the person says that a host that is not this one is theirs to load."""

    def __post_init__(self) -> None:
        if self.seconds is not None and not 1 <= self.seconds <= MOST_SECONDS:
            raise OrderRefused(f"a run lasts 1 to {MOST_SECONDS:.0f} seconds, not {self.seconds:g}")
        if self.users is not None and not 1 <= self.users <= MOST_USERS:
            raise OrderRefused(f"there can be 1 to {MOST_USERS} users, not {self.users}")
        if unknown := set(self.models) - set(CARDS):
            raise OrderRefused(f"there is no model {', '.join(sorted(unknown))}; there are {', '.join(CARDS)}")
        if not 1 <= self.requests <= MOST_REQUESTS:
            raise OrderRefused(f"a run sends 1 to {MOST_REQUESTS} requests, not {self.requests}")

    @property
    def asked(self) -> tuple[str, ...]:
        return self.models or tuple(CARDS)

    def environment(self) -> dict[str, str]:
        given = {
            "PROFILE": self.profile,
            "SECONDS": self.seconds,
            "USERS": self.users,
            "REQUESTS": self.requests,
            "SEED": self.seed,
            "SUMMARY": self.summary,
            "JUDGED": int(self.judged),
            "OBJECTIVES": self.objectives,
            "MODELS": ",".join(self.models) or None,
            "OWN_HOST": int(self.own_host),
        }
        return {f"{PREFIX}{name}": str(value) for name, value in given.items() if value is not None}

    @classmethod
    def read(cls) -> Self:
        found = {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}
        return cls(
            profile=found.get("PROFILE", "steady"),
            seconds=float(found["SECONDS"]) if "SECONDS" in found else None,
            users=int(found["USERS"]) if "USERS" in found else None,
            requests=int(found.get("REQUESTS", MOST_REQUESTS)),
            seed=int(found.get("SEED", 7)),
            summary=Path(found["SUMMARY"]) if "SUMMARY" in found else None,
            judged=found.get("JUDGED", "1") == "1",
            objectives=Path(found.get("OBJECTIVES", FILE)),
            models=tuple(found["MODELS"].split(",")) if "MODELS" in found else (),
            own_host=found.get("OWN_HOST", "0") == "1",
        )


def refuse_strangers(url: str, own_host: bool) -> None:
    """Load goes to this machine, unless a person says that the other one is theirs."""
    host = urlsplit(url).hostname or ""
    if not (own_host or is_here(host)):
        raise OrderRefused(
            f"{host or url!r} is not this machine; only --i-own-this-host lets a load test go to another one"
        )


def is_here(host: str) -> bool:
    """
    >>> is_here("localhost"), is_here("127.0.0.9"), is_here("::1"), is_here("10.0.0.1"), is_here("localhost.example")
    (True, True, True, False, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
