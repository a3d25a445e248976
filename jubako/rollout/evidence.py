"""What was counted in a rollout: by second, and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

QUANTILES = (0.5, 0.9, 0.99)
TOLERANCE = 1.1
"""The canary may be 10 % slower."""
BREAKER_SECONDS, BREAKER_REQUESTS = 3, 3

Slow = tuple[int, int, int]


def slow(latency: float, thresholds: Sequence[float]) -> Slow:
    """Which of the thresholds a request exceeds, as counts that can be summed.

    ``thresholds`` are the old version's quantiles at ``QUANTILES``, measured before the rollout and fixed during it;
    times ``TOLERANCE`` for a canary's request.

    >>> slow(0.045, [0.008, 0.020, 0.040]), slow(0.045, [TOLERANCE * at for at in (0.008, 0.020, 0.045)])
    ((1, 1, 1), (1, 1, 0))
    """
    p50, p90, p99 = thresholds
    return int(latency > p50), int(latency > p90), int(latency > p99)


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Requests of one arm. A failed request counts as failed only, never as slow.

    >>> ArmCounts(3, 1, (1, 0, 0)) + ArmCounts(2)
    ArmCounts(requests=5, failed=1, slow=(1, 0, 0))
    """

    requests: int = 0
    failed: int = 0
    slow: Slow = (0, 0, 0)

    def __add__(self, other: ArmCounts) -> ArmCounts:
        (a, b, c), (d, e, f) = self.slow, other.slow
        return ArmCounts(self.requests + other.requests, self.failed + other.failed, (a + d, b + e, c + f))


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Rows that both versions answered (shadow), and what their labels say. A row may be in both kinds of count.

    Numbers "agree", or are "right", when they are within a tolerance that the caller chooses.
    """

    agreed: int = 0
    disagreed: int = 0
    only_candidate_wrong: int = 0
    only_production_wrong: int = 0
    ties: int = 0
    """Labelled rows on which both are right, or both wrong."""

    @property
    def compared(self) -> int:
        return self.agreed + self.disagreed

    @property
    def labelled(self) -> int:
        return self.only_candidate_wrong + self.only_production_wrong + self.ties

    def __add__(self, other: PairCounts) -> PairCounts:
        return PairCounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class SecondCounts:
    """One second of one process, or, summed with ``+``, of all workers and replicas."""

    canary: ArmCounts = ArmCounts()
    baseline: ArmCounts = ArmCounts()
    pairs: PairCounts = PairCounts()

    def __add__(self, other: SecondCounts) -> SecondCounts:
        return SecondCounts(self.canary + other.canary, self.baseline + other.baseline, self.pairs + other.pairs)

    @property
    def broken(self) -> bool:
        """Most of the canary's requests failed, and hardly any of the baseline's."""
        canary, baseline = self.canary, self.baseline
        most = canary.requests >= BREAKER_REQUESTS and 2 * canary.failed > canary.requests
        return most and 10 * baseline.failed < baseline.requests


@dataclass(frozen=True, slots=True)
class Score:
    """In how many seconds the canary had more bad requests than the baseline, and in how many fewer.

    >>> Score().add(2, 1).add(0, 1).add(5, 5).add(7, 1)
    Score(wins=2, losses=1)
    """

    wins: int = 0
    losses: int = 0

    def add(self, canary: int, baseline: int) -> Score:
        return Score(self.wins + (canary > baseline), self.losses + (canary < baseline))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All seconds of a rollout, in numbers that do not grow with its length."""

    seconds: int = 0
    canary: ArmCounts = ArmCounts()
    baseline: ArmCounts = ArmCounts()
    pairs: PairCounts = PairCounts()
    errors: Score = Score()
    slow: tuple[Score, Score, Score] = (Score(), Score(), Score())
    step: int = 0
    step_seconds: int = 0
    step_requests: int = 0
    """The canary's, since this step began."""
    step_compared: int = 0
    broken_seconds: int = 0
    """In a row; stays where the breaker tripped."""

    @property
    def breaker(self) -> bool:
        return self.broken_seconds >= BREAKER_SECONDS

    def add(self, second: SecondCounts) -> Evidence:
        """With one more second, summed over all processes. Constant time."""
        canary, baseline = second.canary, second.baseline
        slow50, slow90, slow99 = (
            score.add(more, less) for score, more, less in zip(self.slow, canary.slow, baseline.slow, strict=True)
        )
        broken = self.broken_seconds + 1 if second.broken else 0
        return replace(
            self,
            seconds=self.seconds + 1,
            canary=self.canary + canary,
            baseline=self.baseline + baseline,
            pairs=self.pairs + second.pairs,
            errors=self.errors.add(canary.failed, baseline.failed),
            slow=(slow50, slow90, slow99),
            step_seconds=self.step_seconds + 1,
            step_requests=self.step_requests + canary.requests,
            step_compared=self.step_compared + second.pairs.compared,
            broken_seconds=self.broken_seconds if self.breaker else broken,
        )

    def next_step(self) -> Evidence:
        """The same evidence at the next share: what was seen before still counts."""
        return replace(self, step=self.step + 1, step_seconds=0, step_requests=0, step_compared=0)

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Evidence:
        """From ``dataclasses.asdict``, also after a journey through JSON.

        >>> import dataclasses, json
        >>> seen = add_all([SecondCounts(ArmCounts(4, 1, (3, 1, 1)), ArmCounts(5), PairCounts(7, 1))])
        >>> Evidence.restored(json.loads(json.dumps(dataclasses.asdict(seen)))) == seen
        True
        """
        arms = {name: ArmCounts(**{**kept[name], "slow": tuple(kept[name]["slow"])}) for name in ("canary", "baseline")}
        slow50, slow90, slow99 = (Score(**score) for score in kept["slow"])
        errors, pairs = Score(**kept["errors"]), PairCounts(**kept["pairs"])
        return cls(**{**kept, **arms, "pairs": pairs, "errors": errors, "slow": (slow50, slow90, slow99)})


def add_all(seconds: Iterable[SecondCounts], evidence: Evidence = Evidence()) -> Evidence:
    for second in seconds:
        evidence = evidence.add(second)
    return evidence
