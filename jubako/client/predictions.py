"""What ``predict`` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, overload

from jubako.answer import ModelVersion
from jubako.card import PredictionT


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds by step of the service (``Server-Timing``); None for a step that the header leaves out."""

    queue: float | None = None
    batch: float | None = None
    model: float | None = None
    total: float | None = None

    @classmethod
    def read(cls, header: str | None) -> Timing:
        """
        >>> Timing.read("queue;dur=0.4, model;desc=forest;dur=2, total;dur=3.1")
        Timing(queue=0.4, batch=None, model=2.0, total=3.1)
        """
        known = {member.name for member in fields(cls)}
        found: dict[str, float] = {}
        for metric in (header or "").split(","):
            name, *parameters = (part.strip() for part in metric.split(";"))
            for parameter in parameters:
                key, _, value = parameter.partition("=")
                if key.lower() == "dur" and name in known:
                    try:
                        found[name] = float(value.strip('"'))
                    except ValueError:
                        continue
        return cls(**found)

    @staticmethod
    def summed(timings: Sequence[Timing]) -> Timing:
        """The sum over several requests."""
        lists: dict[str, list[float]] = {}
        for timing in timings:
            for name, value in asdict(timing).items():
                if value is not None:
                    lists.setdefault(name, []).append(value)
        return Timing(**{name: sum(values) for name, values in lists.items()})


@dataclass(frozen=True, slots=True)
class Chunk(Generic[PredictionT]):
    """The answer to one request. A call with many rows has several chunks."""

    model: ModelVersion
    request_id: str
    timing: Timing
    predictions: tuple[PredictionT, ...]


class Predictions(Sequence[PredictionT]):
    """One prediction for each row, in the order of the rows."""

    def __init__(self, chunks: Sequence[Chunk[PredictionT]], request_id: str) -> None:
        self.chunks = tuple(chunks)
        self.request_id = request_id
        """The id of the call; the id of each of its requests begins with it."""
        self._predictions = tuple(prediction for chunk in chunks for prediction in chunk.predictions)

    @property
    def model(self) -> ModelVersion:
        """The version that answered; the first one if it changed during the call (see ``versions``)."""
        return self.chunks[0].model

    @property
    def versions(self) -> tuple[ModelVersion, ...]:
        """Every version that answered: two if one was promoted during a long call."""
        return tuple(dict.fromkeys(chunk.model for chunk in self.chunks))

    @property
    def timing(self) -> Timing:
        return Timing.summed([chunk.timing for chunk in self.chunks])

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain data, ready for ``json.dumps`` or ``pandas.DataFrame``."""
        return [prediction.model_dump(mode="json") for prediction in self._predictions]

    def __len__(self) -> int:
        return len(self._predictions)

    @overload
    def __getitem__(self, place: int) -> PredictionT: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PredictionT, ...]: ...
    def __getitem__(self, place: int | slice) -> PredictionT | tuple[PredictionT, ...]:
        return self._predictions[place]

    def __repr__(self) -> str:
        return f"<{len(self)} predictions of {', '.join(map(str, self.versions))}>"
