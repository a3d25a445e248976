"""Gauges of each runner: which version serves, how old it is, what it computes on, how long its queue is."""

from __future__ import annotations

from datetime import datetime


class RunnerMetrics:
    """From what the gateway knows already; set every few seconds, never on the request path."""

    def __init__(self) -> None:
        from prometheus_client import Gauge

        self._ready = Gauge(
            "jubako_runner_ready", "Whether a runner serves (1) or not (0)", ["model"], multiprocess_mode="livemin"
        )
        self._refused = Gauge(
            "jubako_version_refused",
            "Whether the version in production was refused and the one before goes on serving",
            ["model"],
            multiprocess_mode="livemax",
        )
        self._info = Gauge(
            "jubako_model_info",
            "1 for the version that serves",
            ["model", "version", "run_id"],
            multiprocess_mode="livemax",
        )
        self._trained = Gauge(
            "jubako_model_trained_timestamp_seconds",
            "When the version that serves was trained",
            ["model"],
            multiprocess_mode="livemostrecent",
        )
        self._gpu_wanted = Gauge(
            "jubako_gpu_wanted",
            "Whether the configuration asks for a GPU by number (auto: 0)",
            ["model"],
            multiprocess_mode="livemax",
        )
        self._gpu_used = Gauge(
            "jubako_gpu_used", "Whether the runner computes on a GPU", ["model"], multiprocess_mode="livemin"
        )
        self._queue = Gauge("jubako_queue_rows", "Rows in the queue", ["model"], multiprocess_mode="livesum")
        self._queue_limit = Gauge(
            "jubako_queue_rows_limit",
            "Rows that the queue takes; more are refused",
            ["model"],
            multiprocess_mode="livesum",
        )
        self.why: dict[str, str | None] = {}
        """What each runner says: why it is not ready, or why it refused a version."""
        self._shown: dict[str, tuple[str, str]] = {}

    def expect(self, model: str, queue_rows: int, wants_gpu: bool) -> None:
        """What the configuration says."""
        self._queue_limit.labels(model).set(queue_rows)
        self._gpu_wanted.labels(model).set(int(wants_gpu))

    def queue(self, model: str, rows: int) -> None:
        self._queue.labels(model).set(rows)

    def runner(self, model: str, ready: bool, device: str | None, why: str | None) -> None:
        """A runner's status. One that is ready and says why it complains has refused a newer version."""
        self.why[model] = why
        self._ready.labels(model).set(int(ready))
        self._refused.labels(model).set(int(ready and why is not None))
        self._gpu_used.labels(model).set(int(device == "cuda"))

    def serving(self, model: str, version: str, run_id: str, trained_at: str | None) -> None:
        """Show the version that serves; the one before goes to 0."""
        before = self._shown.get(model)
        if before == (version, run_id):
            return
        if before:
            self._info.labels(model, *before).set(0)
        self._info.labels(model, version, run_id).set(1)
        if trained_at:
            self._trained.labels(model).set(seconds_of(trained_at))
        self._shown[model] = (version, run_id)


def seconds_of(moment: str) -> float:
    """
    >>> seconds_of("1970-01-02T00:00:00+00:00")
    86400.0
    """
    return datetime.fromisoformat(moment).timestamp()
