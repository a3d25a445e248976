"""Pairs of two versions of the tiny models, logged as the gateway logs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive.database import FILE
from jubako.monitoring.archive.pairs import PairGroup, PairWriter
from jubako.monitoring.archive.prediction_log import PredictionLog
from jubako.monitoring.archive.profile_files import DAY
from jubako.monitoring.quality.feedback import FeedbackLog, FeedbackOutcome, parse_feedback
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import Observation, ObservationGroup
from jubako.rollout.agreement import agreeing
from tests.engine.tiny.models import BlobModel

OLD, NEW = "20261127-000000-aaaaaa", "20261128-000000-bbbbbb"
START = 1_795_233_600.0


@dataclass
class Place:
    """One database of monitoring."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def log(self, observations: Sequence[Observation], model: type[AnyModel] = BlobModel) -> None:
        log = PredictionLog(self.file)
        group = ObservationGroup.of(START, observations)
        log.add(model.card, group, [check(model.card, model.signals(group.batch, group.outputs))])
        log.flush()
        log.close()

    def pair(self, observations: Sequence[Observation], answers: Outputs, candidate: str = NEW) -> None:
        PairWriter(self.file).write(group_of(observations, answers, candidate=candidate))

    def tell(
        self, ids: Sequence[str], truths: Sequence[object], model: type[AnyModel] = BlobModel
    ) -> set[FeedbackOutcome]:
        items = [{"id": one, "truth": truth} for one, truth in zip(ids, truths, strict=True)]
        lines, complaints = parse_feedback({model.card.name: model.card}, items)
        assert not complaints
        log = FeedbackLog(self.folder, {model.card.name: model.card}, clock=lambda: START + DAY, patience=0.0)
        return {*log.add(lines)}


def blobs(count: int, rows: int = 1, at: float = START, seed: int = 0) -> Iterator[Observation]:
    """So many answered requests of the file model: files of random bytes."""
    rng = np.random.default_rng(seed)
    for place in range(count):
        batch = rng.integers(0, 256, (rows, 4)).astype(np.uint8)
        time = at + place / 1_000
        mark = f"{int(time * 1000):011x}aabbcc{rng.integers(1 << 16):04x}"
        yield Observation("blobs", OLD, mark, batch, BlobModel().predict(batch), time)


def group_of(
    observations: Sequence[Observation],
    answers: Outputs,
    model: type[AnyModel] = BlobModel,
    candidate: str = NEW,
) -> PairGroup:
    outputs = np.concatenate([one.outputs for one in observations])
    agreed = agreeing(model.card, outputs, answers)
    return PairGroup(
        (model.card.name, observations[0].version, candidate),
        [one.unique for one in observations],
        [len(one.outputs) for one in observations],
        [one.at for one in observations],
        outputs,
        answers,
        agreed,
        None if agreed.all() else rows_of(observations)[~agreed],
    )


def rows_of(observations: Sequence[Observation]) -> Batch:
    return np.concatenate([one.batch for one in observations])


def ids(observations: Sequence[Observation]) -> list[str]:
    return [
        f"{one.model}:{one.version}:{one.unique}.{place}" for one in observations for place in range(len(one.outputs))
    ]
