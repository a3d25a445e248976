"""The judge and three usual rules, on the same simulated streams: in which second each of them rolls back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.studies.judge_streams import Floats, Ints, Streams
from jubako.rollout import evalues
from jubako.rollout.evidence import BREAKER_REQUESTS, BREAKER_SECONDS
from jubako.rollout.judge import LARGEST, JudgeLimits

NEVER = -1
MOST = 2_047
"""More wins than any rollout here needs to be rolled back, more losses than any that is."""
Looked = NDArray[np.bool_]


def first(looked: Looked) -> Ints:
    """The first column that is true, for each row.

    >>> first(np.array([[False, True, True], [False, False, False]])).tolist()
    [1, -1]
    """
    return np.where(looked.any(axis=1), looked.argmax(axis=1), NEVER)


def judged(streams: Streams) -> Ints:
    """As ``jubako.rollout.judge`` decides without labels."""
    return first((evidence(streams) >= JudgeLimits().harm) | _broken(streams))


def breaker(streams: Streams) -> Ints:
    """The breaker alone."""
    return first(_broken(streams))


def evidence(streams: Streams) -> Floats:
    errors = _harm(*streams.failed)
    slow = [_harm(canary, baseline) for canary, baseline in zip(*streams.slow, strict=True)]
    return (errors + (slow[0] + slow[1] + slow[2]) / 3 + 1) / 3


def _broken(streams: Streams) -> Looked:
    (requests, usual), (failed, usually) = streams.requests, streams.failed
    broken = (requests >= BREAKER_REQUESTS) & (2 * failed > requests) & (10 * usually < usual)
    run = broken.copy()
    for back in range(1, BREAKER_SECONDS):
        run[:, back:] &= broken[:, :-back]
        run[:, :back] = False
    return run


def _harm(canary: Ints, baseline: Ints) -> Floats:
    wins, losses = (np.minimum(np.cumsum(more, axis=1), MOST) for more in (canary > baseline, canary < baseline))
    found: Floats = _table().take(wins * (MOST + 1) + losses)
    return found


@lru_cache
def _table() -> Floats:
    """The e-value of each pair of counts: millions of looks need the same few."""
    counts = np.arange(MOST + 1)
    return np.exp(np.minimum(np.stack([evalues.harm(wins, counts) for wins in counts]), LARGEST)).ravel()


def z_test(streams: Streams, least: int = 100, limit: float = 2.807) -> Ints:
    """Two shares differ at 1 % (one-sided, a quarter for each of four metrics), looked at after every second."""
    of_canary, of_baseline = (np.cumsum(requests, axis=1) for requests in streams.requests)
    looked = np.zeros(of_canary.shape, dtype=bool)
    harmonic = 1 / np.maximum(of_canary, 1) + 1 / np.maximum(of_baseline, 1)
    for canary, baseline in _metrics(streams):
        more, less = np.cumsum(canary, axis=1), np.cumsum(baseline, axis=1)
        pooled = (more + less) / np.maximum(of_canary + of_baseline, 1)
        difference = more / np.maximum(of_canary, 1) - less / np.maximum(of_baseline, 1)
        looked |= difference > limit * np.sqrt(pooled * (1 - pooled) * harmonic)
    return first(looked & (of_canary >= least) & (of_baseline >= least))


def threshold(streams: Streams, limit: float = 0.02, least: int = 20) -> Ints:
    """The alarm that most services have: more than 2 % of the canary's requests of the last minute failed."""
    failed, requests = (_last_minute(counts[0]) for counts in (streams.failed, streams.requests))
    return first((failed > limit * requests) & (requests >= least))


def kayenta_like(streams: Streams, limit: float = 2.576, effect: float = 1.1) -> Ints:
    """Every five minutes, the Mann-Whitney test on all minutes so far: 0.5 % a metric, one-sided.

    One metric must be significantly higher, and by more than a tenth.
    """
    metrics = [(_by_minute(canary), _by_minute(baseline)) for canary, baseline in _metrics(streams)]
    of_canary, of_baseline = (np.maximum(_by_minute(requests), 1) for requests in streams.requests)
    rates = [(canary / of_canary, baseline / of_baseline) for canary, baseline in metrics]
    decided = np.full(len(of_canary), NEVER)
    for minutes in range(5, of_canary.shape[1] + 1, 5):
        high = [_higher(canary[:, :minutes], baseline[:, :minutes], limit, effect) for canary, baseline in rates]
        worse = np.any(high, axis=0)
        decided = np.where((decided == NEVER) & worse, 60 * minutes - 1, decided)
    return decided


def _higher(canary: Floats, baseline: Floats, limit: float, effect: float) -> Looked:
    from scipy.stats import rankdata

    size = canary.shape[1]
    ranks = rankdata(np.concatenate([canary, baseline], axis=1), axis=1)
    surplus = ranks[:, :size].sum(axis=1) - size * (2 * size + 1) / 2
    variance = (ranks.var(axis=1) * 2 * size) * size * size / (2 * size * (2 * size - 1))
    high: Looked = (surplus > limit * np.sqrt(variance)) & (canary.mean(axis=1) > effect * baseline.mean(axis=1))
    return high


def _metrics(streams: Streams) -> list[tuple[Ints, Ints]]:
    return [streams.failed, *zip(*streams.slow, strict=True)]


def _last_minute(counts: Ints) -> Ints:
    total: Ints = np.cumsum(counts, axis=1)
    total[:, 60:] -= total[:, :-60].copy()
    return total


def _by_minute(counts: Ints) -> Ints:
    minutes = counts.shape[1] // 60
    summed: Ints = counts[:, : 60 * minutes].reshape(len(counts), minutes, 60).sum(axis=2)
    return summed


RULES: dict[str, Callable[[Streams], Ints]] = {
    "judge": judged,
    "z-test, peeked": z_test,
    "errors > 2% in a minute": threshold,
    "Kayenta-like": kayenta_like,
}
