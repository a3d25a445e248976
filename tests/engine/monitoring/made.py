"""Synthetic observations, profiles and recorders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from jubako.models import Batch, Column, Outputs
from jubako.monitoring.archive.profile_files import ProfileArchive
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import Observation
from jubako.monitoring.record.profiles import Profile, Sketches, Summary
from jubako.monitoring.record.recorder import Recorder
from jubako.settings import MonitoringSettings
from tests.five import CARDS, MODELS

VERSION = "20261121-a"
START = 1_795_233_600.0
"""2026-11-21 04:00 UTC, a full hour."""

_marks = count()


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def iris(rows: int, seed: int = 0, shift: float = 0.0) -> tuple[Batch, Outputs]:
    rng = np.random.default_rng(seed)
    batch = rng.normal([5.8 + shift, 3.0, 3.7, 1.2], [0.8, 0.4, 1.2, 0.5], (rows, 4)).clip(0.1).astype(np.float32)
    return batch, rng.dirichlet([5, 3, 2], rows).astype(np.float32)


def columns(rows: int, seed: int = 0, shift: float = 0.0) -> dict[str, Column]:
    return MODELS["iris"].signals(*iris(rows, seed, shift))


def profile(columns: dict[str, Column], model: str = "iris", start: float = START) -> Profile:
    sketches = Sketches(CARDS[model])
    sketches.track(check(CARDS[model], columns))
    return sketches.profile(start, {})


def summary(columns: dict[str, Column], model: str = "iris") -> dict[str, Summary]:
    return profile(columns, model).summary(CARDS[model])


def requests(
    count: int, rows: int = 1, *, at: float = START, seed: int = 0, version: str = VERSION, shift: float = 0.0
) -> Iterator[Observation]:
    """So many requests, a millisecond apart."""
    batch, outputs = iris(count * rows, seed, shift)
    for place in range(count):
        part = slice(place * rows, (place + 1) * rows)
        time = at + place / 1_000
        mark = f"{int(time * 1000):011x}aabbcc{next(_marks) & 0xFFFF:04x}"
        yield Observation("iris", version, mark, batch[part], outputs[part], time)


def ids(observation: Observation) -> list[str]:
    start = f"{observation.model}:{observation.version}:{observation.unique}"
    return [f"{start}.{place}" for place in range(len(observation.outputs))]


def rows_on_disk(folder: Path, model: str = "iris") -> int:
    """What an auditor finds who only has the files."""
    archive = ProfileArchive(folder / "profiles")
    return sum(
        facts.rows
        for version in archive.versions(model)
        for part in archive.recent(model, version, 0.0)
        if (facts := archive.facts(part))
    )


@dataclass
class Recording:
    """A recorder that runs for the length of a ``with``."""

    folder: Path
    settings: MonitoringSettings = field(default_factory=MonitoringSettings)
    clock: Clock = field(default_factory=Clock)
    raw_rows: float = 0.0

    def __enter__(self) -> Recorder:
        self.recorder = Recorder(self.folder, self.settings, MODELS, self.clock, raw_rows={"iris": self.raw_rows})
        self.recorder.start()
        return self.recorder

    def __exit__(self, *_: Any) -> None:
        assert self.recorder.stop(30.0)
