"""Live rows of iris and their truth, for tests of the loop."""

from __future__ import annotations

import itertools

import numpy as np

from jubako.home import monitoring
from jubako.loop import record
from jubako.loop.record import LoopTraining
from jubako.loop.settings import LoopRolloutSettings, LoopSettings
from jubako.loop.training import run
from jubako.loop.turn import Turn
from jubako.models import Batch
from jubako.monitoring.quality.feedback import FeedbackLog, parse_feedback
from jubako.monitoring.record.observations import Observation
from jubako.settings import MonitoringSettings
from jubako.versions import stages, store
from tests.engine.monitoring.made import Clock, Recording, ids
from tests.five import CARDS, MODELS, RECIPES

NOW = 1_795_300_000.0
IRIS = MODELS["iris"]
SETTINGS = LoopSettings(
    models=["iris"],
    control_share=0.5,
    fresh_rows=60,
    cooldown_windows=1,
    rollout=LoopRolloutSettings(seconds=1, requests=10),
)


def flowers(rows: int, seed: int, *, moved: bool) -> tuple[Batch, np.ndarray]:
    """Flowers of the table with a little noise. ``moved``: another place, where sepals are larger
    and petals smaller."""
    table = RECIPES["iris"].make(0)
    chance = np.random.default_rng(seed)
    places = chance.integers(0, len(table), rows)
    batch = IRIS.encode([table.rows[place] for place in places])
    batch = batch + chance.normal(0, 0.05, batch.shape).astype(np.float32)
    if moved:
        batch[:, 0] = np.minimum(batch[:, 0] + 1.5, 8.4)
        batch[:, 1] = np.minimum(batch[:, 1] + 1.4, 4.9)
        batch[batch[:, 2] > 2, 2:] -= (1.1, 0.5)
    return np.maximum(batch, 0.05).astype(np.float32).round(2), table.truth[places]


def serve_and_label(rows: int, at: float, seed: int = 0, *, moved: bool = True, wrong: bool = False) -> None:
    """Answered by production, kept, and labelled half a minute later."""
    tag = stages.production("iris") or ""
    served = store.open_version(tag, IRIS)
    batch, truth = flowers(rows, seed, moved=moved)
    marks = (f"{int(at * 1000):011x}aabbcc{place:04x}" for place in itertools.count())
    observations = [
        Observation("iris", served.version, next(marks), part, served.model.predict(part), at)
        for part in np.array_split(batch, rows // 4)
    ]
    settings = MonitoringSettings(window_seconds=60)
    with Recording(monitoring(), settings, Clock(at), raw_rows=1.0) as recorder:
        for observation in observations:
            recorder.observe(observation)
    names = [one for observation in observations for one in ids(observation)]
    told = np.roll(truth, 1) if wrong else truth
    lines, _ = parse_feedback(
        CARDS, [{"id": one, "truth": CARDS["iris"].classes[int(of)]} for one, of in zip(names, told, strict=True)]
    )
    assert set(FeedbackLog(monitoring(), CARDS, clock=lambda: at + 30, patience=0.0).add(lines)) == {"joined"}


class Here:
    """A training in this process in place of one of its own."""

    def __init__(self, model: str, training: LoopTraining, _lock: int) -> None:
        run(model, training, SETTINGS)

    def poll(self) -> int:
        return 0

    def terminate(self) -> None: ...

    def wait(self) -> None: ...


def window(at: float) -> list[str]:
    return [f"{one.action}/{one.reason}" for one in Turn(SETTINGS).window("iris", at)]


def started(at: float = NOW + 1_010) -> LoopTraining:
    """As a loop leaves it that was killed while its training ran."""
    training = LoopTraining(
        id="1", started=at, production=(stages.production("iris") or "").partition(":")[2], since=0.0,
        until=NOW + 1_000, reason="train, because a test says so",
    )  # fmt: skip
    record.change("iris", lambda now: now.model_copy(update={"training": training}))
    return training
