"""The steps of a rollout as people write them: percent of the requests, after the shadow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def shares_of(steps: Sequence[float]) -> tuple[float, ...]:
    """The canary's shares, with the shadow's 0 in front; 100 is the promotion. Raises ``ValueError``.

    >>> shares_of([5, 25, 50, 100])
    (0.0, 0.05, 0.25, 0.5)
    """
    if not steps or steps[-1] != 100 or steps[0] <= 0 or any(one >= other for one, other in pairwise(steps)):
        raise ValueError("the steps grow from above 0, and the last one is 100")
    if any(step > 50 for step in steps[:-1]):
        raise ValueError("a step before 100 is at most 50: the baseline gets as many requests as the canary")
    return (0.0, *(step / 100 for step in steps[:-1]))
