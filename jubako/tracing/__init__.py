"""Traces from the gateway to the runner. OpenTelemetry is loaded only when an endpoint is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jubako.settings import TracingSettings as TracingSettings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing


def open_tracing(settings: TracingSettings, service: str) -> Tracing | None:
    """Call it after the worker has forked: the exporter starts a thread."""
    if settings.endpoint is None:
        return None
    from jubako.tracing.spans import Tracing

    return Tracing(settings.endpoint, settings.sample_rate, service)
