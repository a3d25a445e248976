"""The results of a run, as typed JSON: numbers, versions and the machine; never a host's name or a path."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unlike(ValueError):
    """Two runs that are not parts of one run."""


class Load(_Frozen):
    """One server under one load, once. Times are milliseconds at the client."""

    server: str
    model: str
    connections: int
    rows: int
    """In each request."""
    round: int
    offered: float | None = None
    """Requests a second of an open loop; None for a closed loop, in which each connection waits for its answer."""
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
    """Processor time of the server's processes."""
    checked: int
    wrong: int
    """Of ``checked`` answers compared with the bare model's, the number that differed."""
    late: float | None = None
    """How late the open-loop generator itself was, at its 99th percentile."""
    stolen: float = 0.0
    """The share of processor time that the host took away (steal)."""

    @property
    def per_second(self) -> float:
        """Requests a second that were answered with success."""
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
    """The model alone in a process of its own, with one thread."""

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
    """The load average when the run began."""


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
    resumed: int = 0
    """How often it was interrupted and continued."""
    rounds: int
    seconds: float
    machine: Machine
    tools: dict[str, str]
    ceiling: float
    """The most requests a second that the open-loop generator itself can send and read on this machine."""
    contestants: dict[str, Contestant]
    loads: list[Load]
    lives: list[Life]
    bare: list[Bare]
    skipped: list[Skipped]

    def write(self, file: Path) -> None:
        """Records as tables (the columns' names, then the values) and five digits: a sixth of the size."""
        content = _rounded(self.model_dump(mode="json"))
        for name in _TABLES:
            records = content[name]
            content[name] = [list(records[0]), *(list(record.values()) for record in records)] if records else []
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, separators=(",", ":")).replace("],[", "],\n[") + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        content = json.loads(file.read_bytes())
        for name in _TABLES:
            columns, *records = content[name] or [[]]
            content[name] = [dict(zip(columns, record, strict=True)) for record in records]
        return cls.model_validate(content)

    def finished(self) -> set[tuple[str, str, int]]:
        """Server, model and round of every turn that came to its end."""
        return {(one.server, one.model, one.round) for one in self.lives}

    def missing(self) -> dict[str, int]:
        """Model -> number of turns that are missing because the run ended early."""
        finished = self.finished()
        taking_part = {(server, model) for server, model, _ in finished}
        turns = [(server, model, number) for server, model in sorted(taking_part) for number in range(self.rounds)]
        return Counter(model for server, model, number in turns if (server, model, number) not in finished)

    def begun(self, other: Self) -> Self:
        """``other`` is the same run, interrupted: its findings, without the turn that was not finished."""
        same = ("quick", "rounds", "seconds", "tools", "contestants")
        differ = [name for name in same if getattr(self, name) != getattr(other, name)]
        if differ or self.machine.model_copy(update={"load_before": other.machine.load_before}) != other.machine:
            raise Unlike(f"the runs differ in {', '.join(differ) or 'their machine'}")
        finished = other.finished()
        loads = [one for one in other.loads if (one.server, one.model, one.round) in finished]
        return other.model_copy(update={"loads": loads, "resumed": other.resumed + 1})


_TABLES = ("loads", "lives", "bare", "skipped")


def _rounded(value: Any) -> Any:
    """
    >>> _rounded({"p50": [1.2345678, 12345678.9, 3]})
    {'p50': [1.2346, 12346000.0, 3]}
    """
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value
