"""Simulated rollouts: what the gateway would count, second by second, in the canary and in the baseline.

Requests arrive at random (Poisson) and are split at random, so failed, fast and slow requests of an arm are independent
Poisson counts. Latencies: a lognormal body with a Pareto tail, median 8 ms, 99th percentile 39 ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jubako.rollout.evidence import QUANTILES, TOLERANCE
from jubako.rollout.judge import JudgeLimits

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Latency = Callable[[float], float]
"""The share of requests that take longer than so many milliseconds."""

SCENARIOS = {
    "calm": "requests alone",
    "stalls": "in 1% of an arm's seconds 80% of its requests wait for a stall",
    "failed batches": "in 1% of an arm's seconds a batch of up to 8 requests fails",
    "load waves": "arrivals swing by half in 10 minutes and jump from second to second; latency follows them",
    "shared incidents": "every 10 minutes, for 30 s, both arms fail 20% more and are slow five times as often",
}


@dataclass(frozen=True)
class Fault:
    before: float
    """Share of requests that fail."""
    after: float
    latency: Latency = field(default_factory=lambda: slower_than)

    @property
    def extra(self) -> float:
        """How many more of the candidate's requests than of the old version's fail or exceed the old p99."""
        p99 = quantile(0.99)
        slower = (1 - self.after) * self.latency(p99) - (1 - self.before) * slower_than(p99)
        return self.after - self.before + slower


@dataclass(frozen=True)
class Streams:
    """Counts of many rollouts: rows are rollouts, columns seconds. The canary comes first."""

    requests: tuple[Ints, Ints]
    failed: tuple[Ints, Ints]
    slow: tuple[tuple[Ints, ...], tuple[Ints, ...]]


TAIL, TAIL_START, BODY, SPREAD = 0.04, 15.0, 7.74, 0.615


def slower_than(milliseconds: float) -> float:
    """
    >>> [round(quantile(at), 1) for at in QUANTILES]
    [8.0, 18.6, 39.0]
    """
    body = 0.5 * math.erfc(math.log(milliseconds / BODY) / SPREAD / math.sqrt(2))
    tail = (TAIL_START / max(milliseconds, TAIL_START)) ** 2
    return (1 - TAIL) * body + TAIL * tail


def quantile(at: float) -> float:
    low, high = 0.1, 10_000.0
    while high - low > 1e-9 * high:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slower_than(middle) > 1 - at else (low, middle)
    return low


def all_slower(factor: float) -> Latency:
    return lambda milliseconds: slower_than(milliseconds / factor)


def tail_stretched(factor: float) -> Latency:
    """The 99th percentile is so many times the old one; the fastest 95 % of requests are as before."""
    start, p99 = quantile(0.95), quantile(0.99)
    stretch = (factor * p99 - start) / (p99 - start)
    return lambda ms: slower_than(ms if ms <= start else start + (ms - start) / stretch)


FAULTS = {
    "none": Fault(0.005, 0.005),
    "errors 1% to 2%": Fault(0.01, 0.02),
    "errors 0.1% to 1%": Fault(0.001, 0.01),
    "errors 0 to 0.5%": Fault(0.0, 0.005),
    "errors 0.01% to 0.1%": Fault(0.0001, 0.001),
    "p99 times 2": Fault(0.001, 0.001, tail_stretched(2.0)),
    "all latencies times 1.3": Fault(0.001, 0.001, all_slower(1.3)),
    "all requests fail": Fault(0.001, 1.0),
}


def shares(rate: float) -> Floats:
    """The canary's share in each second of a whole rollout: steps as short as the judge allows.

    >>> [len(shares(rate)) for rate in (10, 100, 1_000)]
    [5200, 1000, 900]
    """
    limits = JudgeLimits()
    steps = [share for share in limits.shares if share]
    lengths = [max(limits.seconds, math.ceil(limits.requests / (share * rate))) for share in steps]
    return np.repeat(steps, lengths)


def simulate(rate: float, scenario: str, fault: Fault, rollouts: int, rng: np.random.Generator) -> Streams:
    arrivals = np.broadcast_to(rate * shares(rate), (rollouts, len(shares(rate))))
    crowding: Floats | float = 1.0
    more_errors: Floats | float = 0.0
    if scenario == "load waves":
        phase = rng.random((rollouts, 1)) + np.arange(arrivals.shape[1]) / 600
        load = (1 + 0.5 * np.sin(2 * np.pi * phase)) * rng.gamma(20, 1 / 20, arrivals.shape)
        arrivals, crowding = arrivals * load, load**2
    elif scenario == "shared incidents":
        begins = rng.random(arrivals.shape) < 1 / 600
        told: Ints = np.cumsum(begins, axis=1, dtype=np.int64)
        told[:, 30:] -= told[:, :-30].copy()
        more_errors, crowding = np.where(told > 0, 0.2, 0.0), np.where(told > 0, 5.0, 1.0)
    thresholds = [quantile(at) for at in QUANTILES]
    candidate = [fault.latency(TOLERANCE * threshold) for threshold in thresholds]
    usual = [1 - at for at in QUANTILES]
    canary = _arm(arrivals, fault.after + more_errors, candidate, crowding, scenario=scenario, rng=rng)
    baseline = _arm(arrivals, fault.before + more_errors, usual, crowding, scenario=scenario, rng=rng)
    return Streams((canary[0], baseline[0]), (canary[1], baseline[1]), (canary[2], baseline[2]))


def _arm(
    arrivals: Floats,
    errors: Floats | float,
    slow: list[float],
    crowding: Floats | float,
    *,
    scenario: str,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, tuple[Ints, ...]]:
    errors = np.minimum(errors, 1.0)
    failed, answered = rng.poisson(arrivals * errors), arrivals * (1 - errors)
    above: list[Floats | float] = [share * crowding / (1 - share + share * crowding) for share in slow]
    if scenario == "stalls":
        stalled = 0.8 * (rng.random(arrivals.shape) < 0.01)
        above = [stalled + (1 - stalled) * share for share in above]
    fast = rng.poisson(answered * (1 - above[0]))
    over99 = rng.poisson(answered * above[2])
    over90 = over99 + rng.poisson(answered * np.maximum(above[1] - above[2], 0))
    over50 = over90 + rng.poisson(answered * np.maximum(above[0] - above[1], 0))
    requests = failed + fast + over50
    if scenario == "failed batches":
        failed = failed + np.minimum(8 * (rng.random(arrivals.shape) < 0.01), requests - failed)
        over50, over90, over99 = (np.minimum(over, requests - failed) for over in (over50, over90, over99))
    return requests, failed, (over50, over90, over99)
