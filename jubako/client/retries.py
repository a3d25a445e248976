"""When to try again, and after which pause. It neither sleeps nor sends, so that one policy serves both clients."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from jubako.client.errors import AnswerError, ConnectionFailed, JubakoError, Overloaded


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential backoff with full jitter, never past the call's ``timeout``.

    Every call of this client may be repeated: predictions are pure, facts are read, and feedback is joined by id.
    """

    times: int = 3
    """How many times to try again after the first failure; 0 switches it off."""
    base: float = 0.1
    """The first pause is somewhere between 0 and so many seconds; each next one may be twice as long."""
    cap: float = 5.0
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = random.uniform

    def begin(self, timeout: float) -> Attempts:
        return Attempts(self, timeout)


class Attempts:
    """One call: how long it may still take, and what to do about a failure."""

    def __init__(self, retries: Retries, timeout: float) -> None:
        self._retries = retries
        self._end = retries.clock() + timeout
        self._failures = 0

    @property
    def remaining(self) -> float:
        return self._end - self._retries.clock()

    def pause_after(self, error: JubakoError) -> float:
        """Seconds to wait before the next try. Raises the error when another is pointless or would come too late."""
        self._failures += 1
        if not is_transient(error) or self._failures > self._retries.times:
            raise error
        pause = self._retries.draw(0.0, min(self._retries.cap, self._retries.base * 2 ** (self._failures - 1)))
        if isinstance(error, Overloaded) and error.retry_after is not None:
            pause += error.retry_after  # on top, or everybody who was refused comes back in the same instant
        if pause >= self.remaining:
            raise error
        return pause


def is_transient(error: JubakoError) -> bool:
    """Whether the same request may succeed in a moment.

    Not 500: a bug answers the same again. Not our 504: the service has already spent its deadline on it. Yes to a
    proxy's 502 and 504, which say that it could not reach the service.
    """
    if isinstance(error, ConnectionFailed | Overloaded):
        return True
    return isinstance(error, AnswerError) and error.status in {502, 504} and not error.problem.from_service
