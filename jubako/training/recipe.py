"""How one model is made. One recipe for each card; the loop in ``run.py`` does everything that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from jubako.card import AnyCard, Row
from jubako.models import AnyModel, Batch

Param: TypeAlias = int | float | str | bool
Params: TypeAlias = Mapping[str, Param]

Truth: TypeAlias = NDArray[Any]
"""float64 for a regression, else int64 places in the card's ``classes``."""

Log: TypeAlias = Callable[[str, float, int], None]
"""``log(metric, value, step)``: a metric while training, for MLflow and the progress bar.

The metric ``progress`` (0 to 1) only moves the bar."""


@dataclass(frozen=True)
class Dataset:
    """Rows that fit the card, with their truth."""

    rows: Sequence[Row]
    truth: Truth
    source: str
    """Where it came from, in words: ``made (seed 7)``, a path, ``hf:NAME``."""
    sha256: str
    groups: Sequence[str] | None = None
    """Rows of one group never stand on both sides of a split."""

    def __len__(self) -> int:
        return len(self.rows)


class DataRefused(ValueError):
    """The table does not fit its card. Every complaint is listed: column, what, how many, an example."""

    def __init__(self, source: str, complaints: Sequence[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__(f"{source} does not fit:\n" + "\n".join(f"  - {line}" for line in self.complaints))


@dataclass(frozen=True)
class Fitted:
    """What ``fit`` gives back."""

    model: AnyModel
    importances: Mapping[str, float] = field(default_factory=dict)
    base: str | None = None
    """The checkpoint that was fine-tuned, or the model that was imported, when there was one."""
    learned: bool = True
    """False for a finished model that ``fit`` only brought: folds would say nothing."""


class Recipe(Protocol):
    @property
    def card(self) -> AnyCard: ...

    @property
    def model(self) -> type[AnyModel]: ...

    @property
    def defaults(self) -> Params:
        """Every parameter that ``--set`` may change, with its default; nothing else is accepted."""
        ...

    def make(self, seed: int, size: int | None = None) -> Dataset:
        """The project's own data, equal for equal seeds. ``size`` rows (about), for fast tests."""
        ...

    def read(self, path: Path) -> Dataset:
        """The real thing from a file or folder. Raises ``DataRefused``."""
        ...

    def fetch(self, source: str) -> Dataset:
        """``sklearn`` or ``hf:NAME``: public data where there is a network (``hf:`` also takes a local folder)."""
        ...

    def suggest(self, trial: Any) -> dict[str, Param]:
        """The parameters that an Optuna trial tries."""
        ...

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted: ...

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        """Write the faster engine's file beside the native artefact, and say how far its outputs are apart.

        A file that answers differently (``jubako/training/parity.py``) does not stay.
        """
        ...


def no_log(_metric: str, _value: float, _step: int) -> None:
    """For callers that do not watch."""
