"""A behaviour: a fault or load on a real service, the expected outcome and the observed one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.homes import forget
from tests.serving import RunningService

Size = Literal["small", "full"]
#: With the fault "slow", 160 rows a second.
FEW_ROWS = {"services": {"iris": {"max_rows": 8}}}


@dataclass(frozen=True)
class Outcome:
    held: bool
    """Everything that does not depend on the speed of this machine."""
    seen: str
    timely: bool = True
    """The expected times and rates: reported by ``make chaos``, asserted by no test."""


class KeptService:
    """The last service stays up for the next behaviour that asks for the same one: a start takes seconds."""

    def __init__(self) -> None:
        self._asked: Any = None
        self._running: RunningService | None = None

    def get(self, asked: Any, make: Callable[[], RunningService]) -> RunningService:
        if self._running is None or not self._running.runs or asked != self._asked:
            self.stop()
            self._running, self._asked = make().start(), asked
        return self._running

    def stop(self) -> None:
        if self._running is not None and self._running.runs:
            self._running.stop()
        self._running = None


@dataclass(frozen=True)
class Place:
    """The store with trained versions, a folder and the size for one behaviour."""

    store: Path
    folder: Path
    size: Size = "small"
    kept: KeptService | None = None
    """Without it, each behaviour starts a service of its own."""

    def pick(self, small: Any, full: Any) -> Any:
        return full if self.size == "full" else small

    @contextmanager
    def serving(
        self,
        *,
        fault: str | None = None,
        config: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        target: str | None = None,
    ) -> Iterator[RunningService]:
        more = {"FAULT": fault, **(env or {})} if fault else env
        target = target or ("tests.chaos.faulty:Jubako" if fault else ".")

        def make() -> RunningService:
            return RunningService(self.store, self.folder, target=target, config=config, env=more)

        before = os.environ.get("BENTOML_HOME")
        os.environ["BENTOML_HOME"] = str(self.store)
        forget()
        try:
            if self.kept is None:
                with make() as service:
                    yield service
            else:
                try:
                    yield self.kept.get((self.store, target, config, more or {}), make)
                except BaseException:
                    self.kept.stop()
                    raise
        finally:
            if before is None:
                os.environ.pop("BENTOML_HOME")
            else:
                os.environ["BENTOML_HOME"] = before
            forget()


@dataclass(frozen=True)
class Behaviour:
    number: int
    done: str
    expected: str
    attempt: Callable[[Place], Awaitable[Outcome]]


BEHAVIOURS: dict[int, Behaviour] = {}


def behaviour(number: int, done: str, expected: str) -> Callable[[Any], Any]:
    def keep(attempt: Callable[[Place], Awaitable[Outcome]]) -> Callable[[Place], Awaitable[Outcome]]:
        BEHAVIOURS[number] = Behaviour(number, done, expected, attempt)
        return attempt

    return keep
