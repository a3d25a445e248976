"""How the calls of a batcher ended, to compare it with another."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CallOutcomes:
    failed: int = 0
    """Calls that got no predictions, and whose client waited for them."""
    latencies: list[float] = field(default_factory=list)
    """From the queue to the reply, of each answered call."""
