"""Whether to retry, and after which pause. It neither sleeps nor sends, so both clients use it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from jubako.client.errors import AnswerError, ConnectionFailed, JubakoError, Overloaded


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential backoff with full jitter, never past the call's ``timeout``.

    Every request may be repeated: predictions are pure, facts are only read, and feedback is joined by id.
    """

    times: int = 3
    """How many retries follow the first failure; 0 switches retries off."""
    base: float = 0.1
    """The first pause is between 0 and this many seconds; the bound doubles with each retry."""
    cap: float = 5.0
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = random.uniform

    def begin(self, timeout: float) -> Attempts:
        return Attempts(self, timeout)


class Attempts:
    """The attempts of one request: the time that is left, and the pause after a failure."""

    def __init__(self, retries: Retries, timeout: float) -> None:
        self._retries = retries
        self._end = retries.clock() + timeout
        self._failures = 0

    @property
    def remaining(self) -> float:
        return self._end - self._retries.clock()

    def pause_after(self, error: JubakoError) -> float:
        """Seconds to wait before the next attempt. Raises the error if a retry cannot help or would be too late."""
        self._failures += 1
        if not is_transient(error) or self._failures > self._retries.times:
            raise error
        pause = self._retries.draw(0.0, min(self._retries.cap, self._retries.base * 2 ** (self._failures - 1)))
        if isinstance(error, Overloaded) and error.retry_after is not None:
            pause += error.retry_after  # with the jitter on top: else all refused clients return together
        if pause >= self.remaining:
            raise error
        return pause


def is_transient(error: JubakoError) -> bool:
    """Whether the same request may succeed in a moment.

    Not after a 500, which is a bug, nor after the service's own 504, which has used up its deadline. After a proxy's
    502 or 504 it may: the proxy did not reach the service.
    """
    if isinstance(error, ConnectionFailed | Overloaded):
        return True
    return isinstance(error, AnswerError) and error.status in {502, 504} and not error.problem.from_service
