"""What the study of the judge keeps: counts, medians, and when they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.studies.judge_labels import AgreementCell, LabelCell, median
from benchmarks.studies.judge_streams import Floats


@dataclass(frozen=True)
class IdenticalCell:
    rate: int
    scenario: str
    rollouts: int
    rolled_back: dict[str, int]
    """By rule, and by the judge's breaker alone."""


@dataclass(frozen=True)
class Caught:
    """What one rule did with one fault."""

    caught: int
    seconds: float | None
    """The median of all rollouts, a miss being later than everything; ``None`` where half and more are missed."""
    requests: float | None
    bad: float
    """The expected number of additional bad answers; in missed rollouts, until the candidate had all traffic."""

    @classmethod
    def of(cls, found: Floats, extra: float) -> Caught:
        """From seconds and canary requests, and how many more of these were bad."""
        seconds, requests = found.T
        caught = np.isfinite(seconds)
        count, bad = int(caught.sum()), float(extra * requests.mean())
        return cls(count, median(seconds), median(np.where(caught, requests, np.inf)), bad)


@dataclass(frozen=True)
class FaultCell:
    rate: int
    fault: str
    rollouts: int
    caught: dict[str, Caught]


@dataclass(frozen=True)
class Kept:
    measured: str
    minutes: float
    seed: int
    identical: list[IdenticalCell]
    faults: list[FaultCell]
    labels: list[LabelCell]
    agreement: list[AgreementCell]

    def dumped(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Kept:
        faults = [
            FaultCell(**{**cell, "caught": {name: Caught(**one) for name, one in cell["caught"].items()}})
            for cell in kept["faults"]
        ]
        return cls(
            kept["measured"],
            kept["minutes"],
            kept["seed"],
            [IdenticalCell(**cell) for cell in kept["identical"]],
            faults,
            [LabelCell(**cell) for cell in kept["labels"]],
            [AgreementCell(**cell) for cell in kept["agreement"]],
        )


def upper_bound(count: int, of: int) -> float:
    """With 95 % confidence the true rate is at most so high (Clopper and Pearson, one-sided).

    >>> round(upper_bound(0, 3_000), 5), round(upper_bound(15, 3_000), 5), upper_bound(5, 5)
    (0.001, 0.00769, 1.0)
    """
    from scipy.stats import beta

    return 1.0 if count == of else float(beta.ppf(0.95, count + 1, of - count))
