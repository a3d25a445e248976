"""The metric of what people were told."""

from __future__ import annotations

from collections.abc import Collection

OUTCOMES = ("sent", "failed", "dropped")


class NotificationMetrics:
    """``count`` from any thread."""

    def __init__(self, kinds: Collection[str]) -> None:
        from prometheus_client import Counter

        self._notifications = Counter(
            "jubako_notifications", "Notifications by channel and end; failed: given up", ["kind", "outcome"]
        )
        for kind in kinds:
            for outcome in OUTCOMES:
                self._notifications.labels(kind, outcome)

    def count(self, kind: str, outcome: str) -> None:
        self._notifications.labels(kind, outcome).inc()
