"""Traces from the gateway to the runner. Off until an exporter is configured, and then nothing of this is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jubako.settings import TracingSettings as TracingSettings

if TYPE_CHECKING:
    from jubako.tracing.spans import Tracing


def opened(settings: TracingSettings, service: str) -> Tracing | None:
    """To be called after the worker's fork: the exporter has a thread of its own."""
    if settings.endpoint is None:
        return None
    from jubako.tracing.spans import Tracing

    return Tracing(settings.endpoint, settings.sample_rate, service)
