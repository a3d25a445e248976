"""What a run leaves behind, as typed JSON: numbers, versions and the machine; never a host's name or a path."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unlike(ValueError):
    """Two runs that cannot be told as one."""


class Load(_Frozen):
    """One server under one load, once. Milliseconds are as the caller saw them."""

    server: str
    model: str
    connections: int
    rows: int
    """In each request."""
    round: int
    offered: float | None = None
    """Requests a second that were sent whatever came back (open loop); None when each connection waited (closed)."""
    seconds: float
    answered: int
    refused: int
    """Answers with a status of 400 and more."""
    broken: int
    """Connections that were refused or closed, and requests that were never answered."""
    p50: float
    p90: float
    p99: float
    longest: float
    cpu_seconds: float
    """What the server's processes used meanwhile."""
    checked: int
    wrong: int
    """Of so many answers that were compared with the bare model's, so many differed."""
    late: float | None = None
    """How late the open-loop generator itself was, at its 99th percentile."""
    stolen: float = 0.0
    """The share of the processors' time in which the host gave them to somebody else, though they were wanted here."""

    @property
    def per_second(self) -> float:
        """Requests answered well in each second."""
        return self.answered / self.seconds

    @property
    def failed_share(self) -> float:
        failed = self.refused + self.broken
        return failed / max(self.answered + failed, 1)

    @property
    def cpu_seconds_per_million(self) -> float:
        """Processor seconds for a million predictions."""
        return self.cpu_seconds / max(self.answered * self.rows, 1) * 1e6


class Life(_Frozen):
    """A server's start, and its memory (PSS: what processes share is counted once), in megabytes."""

    server: str
    model: str
    round: int
    start_seconds: float
    """From its command to its first right answer."""
    processes: int
    memory: float
    """After its load."""
    why: str | None = None
    """Why it could not be measured at all."""


class Bare(_Frozen):
    """The model in a process of its own, one thread, nothing around it."""

    model: str
    engine: str
    round: int
    predict: dict[int, float]
    """Rows in a call -> rows a second, of ``predict`` alone."""
    encode: dict[int, float]
    """Rows in a call -> rows a second, from card rows (or picture files) to answers."""
    whole: dict[int, float]
    """Rows in a request -> rows a second, from a request's body to an answer's body."""

    @property
    def best(self) -> float:
        return max(self.predict.values())


class Skipped(_Frozen):
    server: str
    model: str
    connections: int
    rows: int
    why: str


class Machine(_Frozen):
    processor: str
    cores: int
    memory_gigabytes: float
    system: str
    python: str
    load_before: float
    """The load average when the run began: what else was running."""


class Contestant(_Frozen):
    """A server as the report presents it."""

    title: str
    note: str
    batching: bool
    documented: bool
    versions: dict[str, str]
    settings: dict[str, str]


class Run(_Frozen):
    """``quick`` runs are for the guard; the report is made from whole ones."""

    quick: bool
    started: str
    minutes: float
    runs: int = 1
    """Of how many runs this was put together, each with models of its own."""
    resumed: int = 0
    """How often it was broken off and gone on with."""
    rounds: int
    seconds: float
    machine: Machine
    tools: dict[str, str]
    ceiling: float
    """Requests a second that the open-loop generator itself can send and read on this machine."""
    contestants: dict[str, Contestant]
    loads: list[Load]
    lives: list[Life]
    bare: list[Bare]
    skipped: list[Skipped]

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        return cls.model_validate_json(file.read_bytes())

    def finished(self) -> set[tuple[str, str, int]]:
        """Server, model and round of every turn that came to its end."""
        return {(one.server, one.model, one.round) for one in self.lives}

    def missing(self) -> dict[str, int]:
        """Model -> how many turns are missing of those who took part with it, because the run was ended before."""
        finished = self.finished()
        taking_part = {(server, model) for server, model, _ in finished}
        turns = [(server, model, number) for server, model in sorted(taking_part) for number in range(self.rounds)]
        return Counter(model for server, model, number in turns if (server, model, number) not in finished)

    def begun(self, other: Self) -> Self:
        """``other`` is the same run, broken off: what it found, without the turn in which that happened."""
        alike = ("quick", "rounds", "seconds", "tools", "contestants")
        self._must_be_like(other, alike)
        finished = other.finished()
        return other.model_copy(
            update={
                "loads": [one for one in other.loads if (one.server, one.model, one.round) in finished],
                "resumed": other.resumed + 1,
            }
        )

    def _must_be_like(self, other: Self, alike: tuple[str, ...]) -> None:
        differ = [name for name in alike if getattr(self, name) != getattr(other, name)]
        if differ or self.machine.model_copy(update={"load_before": other.machine.load_before}) != other.machine:
            raise Unlike(f"the runs differ in {', '.join(differ) or 'their machine'}")

    def beside(self, other: Self) -> Self:
        """Two runs on one machine, of other models each, as one: a model's numbers still come from one run."""
        if both := {one.model for one in self.lives} & {one.model for one in other.lives}:
            raise Unlike(f"both runs measured {', '.join(sorted(both))}")
        self._must_be_like(other, ("quick", "rounds", "seconds", "tools"))
        return self.model_copy(
            update={
                "minutes": self.minutes + other.minutes,
                "runs": self.runs + other.runs,
                "resumed": self.resumed + other.resumed,
                "contestants": {**other.contestants, **self.contestants},
                **{name: [*getattr(self, name), *getattr(other, name)] for name in _LISTS},
            }
        )


_LISTS = ("loads", "lives", "bare", "skipped")
