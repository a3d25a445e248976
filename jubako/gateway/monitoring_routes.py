"""Monitoring over HTTP: reports with alarms, feedback, and the gauges of drift and live quality."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from jubako.collection import Collection
from jubako.gateway.pages import Handler, Page, page
from jubako.gateway.problems import FieldError, InvalidRowsProblem, MalformedProblem, TooLargeProblem
from jubako.metrics.gateway import Metrics
from jubako.metrics.service import ServiceNumbers
from jubako.monitoring.quality import feedback
from jubako.monitoring.record.recorder import Recorder
from jubako.monitoring.report.alarms import service_alarms
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.monitoring.report.report import Alarm, MonitoringReport

MAX_TRUTHS = 10_000
FLUSH_WITHIN = 2.0


class MonitoringRoutes:
    """Reads files, so each handler works in a thread."""

    def __init__(self, folder: Path, collection: Collection, recorder: Recorder, metrics: Metrics) -> None:
        self._cards = collection.cards
        self._monitor = DriftMonitor(folder, collection, recorder)
        self._monitor.feedback.settle_with(lambda: recorder.flush(FLUSH_WITHIN, profiles=False))
        self._metrics = metrics
        self._numbers = ServiceNumbers()

    def handlers(self) -> dict[tuple[str, str], Handler]:
        reports: dict[tuple[str, str], Handler] = {
            ("GET", f"/v1/monitoring/{name}"): partial(self._report, name) for name in self._cards
        }
        return {**reports, ("POST", "/v1/feedback"): self._feedback}

    async def _report(self, name: str, _body: bytes) -> Page:
        report = await asyncio.to_thread(self.report, name)
        return page(200, report.model_dump(mode="json"))

    def report(self, name: str) -> MonitoringReport:
        report = self._monitor.report(name)
        alarms = service_alarms(name, self._numbers.model(name), self._metrics.runners.why.get(name))
        return report.model_copy(update={"alarms": (*alarms, *report.alarms)})

    def alarms(self, name: str) -> tuple[Alarm, ...]:
        """Those that monitoring has stored; the counters' own are Prometheus's to tell."""
        return self._monitor.report(name).alarms

    async def _feedback(self, body: bytes) -> Page:
        truths, complaints = feedback.parse_feedback(self._cards, _items(body))
        if complaints:
            errors = [FieldError(["feedback", line, field], why) for line, field, why in complaints]
            raise InvalidRowsProblem(f"{len(errors)} line(s) do not fit; nothing was stored; see errors", errors)
        outcomes = await asyncio.to_thread(self._monitor.feedback.add, truths)
        stored = [{"id": truth.id, "outcome": outcome} for truth, outcome in zip(truths, outcomes, strict=True)]
        counts = {outcome: outcomes.count(outcome) for outcome in feedback.OUTCOMES}
        return page(200, {**counts, "feedback": stored})

    def measure(self) -> None:
        """Update the gauges. Takes up to seconds: call it in a thread."""
        self._numbers.look()
        for name in self._cards:
            verdict = self._monitor.verdict(name)
            scores = {column.column: column.score for column in verdict.columns if column.score is not None}
            self._metrics.drift(name, scores)
            for quality in self._monitor.quality(name)[:1]:
                self._metrics.live_quality(name, quality)


def _items(body: bytes) -> list[Mapping[str, Any]]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedProblem(f"the body is not valid JSON: {error}") from None
    expected = 'the body must be {"feedback": [{"id": ..., "truth": ...}, ...]}'
    if not isinstance(content, dict) or set(content) != {"feedback"} or not isinstance(content["feedback"], list):
        raise InvalidRowsProblem(expected, [FieldError(["feedback"], expected)])
    items = content["feedback"]
    if not items:
        raise InvalidRowsProblem(expected, [FieldError(["feedback"], "at least one line is needed")])
    if len(items) > MAX_TRUTHS:
        raise TooLargeProblem(f"one request may have {MAX_TRUTHS} lines of feedback; split it")
    wrong = [
        FieldError(["feedback", line], 'must be {"id": ..., "truth": ...}')
        for line, item in enumerate(items)
        if not isinstance(item, dict) or set(item) != {"id", "truth"}
    ]
    if wrong:
        raise InvalidRowsProblem(f"{len(wrong)} line(s) do not fit; nothing was stored; see errors", wrong)
    return items
