"""The options of one run. They reach Locust's processes through the environment, as for plain ``locust -f``."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

PREFIX = "JUBAKO_LOAD_"
MAX_SECONDS = 4 * 3_600.0
MAX_USERS = 2_000
MAX_REQUESTS = 5_000_000


class PlanRefused(ValueError):
    """The run cannot be done as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    profile: str = "steady"
    seconds: float | None = None
    """Length of the whole run; by default the profile's."""
    users: int | None = None
    """Users at the profile's peak."""
    requests: int = MAX_REQUESTS
    """The run ends after this many requests."""
    seed: int = 7
    summary: Path | None = None
    """File for the measured numbers, as JSON."""
    judged: bool = True
    objectives: Path | None = None
    """By default ``load_tests/objectives.yaml``, if there is one."""
    models: tuple[str, ...] = ()
    """The models to ask; empty for all."""
    own_host: bool = False
    """The user confirmed that a remote host is theirs to load."""

    def __post_init__(self) -> None:
        if self.seconds is not None and not 1 <= self.seconds <= MAX_SECONDS:
            raise PlanRefused(f"a run lasts 1 to {MAX_SECONDS:.0f} seconds, not {self.seconds:g}")
        if self.users is not None and not 1 <= self.users <= MAX_USERS:
            raise PlanRefused(f"a run has 1 to {MAX_USERS} users, not {self.users}")
        if not 1 <= self.requests <= MAX_REQUESTS:
            raise PlanRefused(f"a run sends 1 to {MAX_REQUESTS} requests, not {self.requests}")

    def asked(self, known: Collection[str]) -> tuple[str, ...]:
        """The names of the models to ask, of those that the collection has."""
        if unknown := set(self.models) - set(known):
            raise PlanRefused(f"there is no model {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return self.models or tuple(known)

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
    def from_environment(cls) -> Self:
        found = {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}
        return cls(
            profile=found.get("PROFILE", "steady"),
            seconds=float(found["SECONDS"]) if "SECONDS" in found else None,
            users=int(found["USERS"]) if "USERS" in found else None,
            requests=int(found.get("REQUESTS", MAX_REQUESTS)),
            seed=int(found.get("SEED", 7)),
            summary=Path(found["SUMMARY"]) if "SUMMARY" in found else None,
            judged=found.get("JUDGED", "1") == "1",
            objectives=Path(found["OBJECTIVES"]) if "OBJECTIVES" in found else None,
            models=tuple(found["MODELS"].split(",")) if "MODELS" in found else (),
            own_host=found.get("OWN_HOST", "0") == "1",
        )


def require_local_host(url: str, own_host: bool) -> None:
    """Refuse to load another machine, unless the user confirmed that it is theirs."""
    host = urlsplit(url).hostname or ""
    if not (own_host or is_local(host)):
        raise PlanRefused(f"{host or url!r} is not this machine; --i-own-this-host allows a load test on another one")


def is_local(host: str) -> bool:
    """
    >>> [is_local(host) for host in ("localhost", "127.0.0.9", "::1", "10.0.0.1", "localhost.example")]
    [True, True, True, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
