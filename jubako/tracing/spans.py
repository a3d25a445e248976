"""The three kinds of spans: a request in the gateway, a call to a runner, and the computation in the runner.

A call carries many requests. Its span is the child of the first sampled request, so that the trace of a single request
is complete, and has a link to each of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from jubako.batching.calls import PendingCall
from jubako.batching.faults import CallFault
from jubako.batching.runner_client import Reply

EXPORT_EVERY_MS = 1_000
#: Spans that may wait for the collector; more are dropped.
MAX_QUEUED = 4_096
EXPORT_WITHIN = 5.0
CLOSE_WITHIN = 2.0
HEADERS = ("traceparent", "tracestate")


class Tracing:
    def __init__(self, endpoint: str, sample_rate: float, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.namespace": "jubako"})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(sample_rate)), resource=resource)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_WITHIN),
                max_queue_size=MAX_QUEUED,
                schedule_delay_millis=EXPORT_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("jubako")
        self._wire = TraceContextTextMapPropagator()
        _add_trace_ids_to_logs()

    def start_request(self, model: str, headers: Mapping[bytes, bytes]) -> Span:
        """The span of a request in the gateway; continues the client's ``traceparent``."""
        carrier = {name: headers[name.encode()].decode("latin-1") for name in HEADERS if name.encode() in headers}
        context = self._wire.extract(carrier, Context())
        return self._tracer.start_span(f"predict {model}", context, SpanKind.SERVER, {"jubako.model": model})

    @staticmethod
    def end_request(span: Span, request_id: str, outcome: str, rows: int, version: str | None) -> None:
        span.set_attributes({"jubako.request_id": request_id, "jubako.outcome": outcome, "jubako.rows": rows})
        if version:
            span.set_attribute("jubako.version", version)
        if outcome in ("failed", "late"):
            span.set_status(StatusCode.ERROR, outcome)
        span.end()

    @staticmethod
    def current(span: Span) -> AbstractContextManager[Span]:
        """Log records that are made inside have the span's trace id; own routes run in it."""
        return use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False)

    @staticmethod
    def sampled(span: Span) -> SpanContext | None:
        context = span.get_span_context()
        return context if context.trace_flags.sampled else None

    def current_request(self) -> SpanContext | None:
        """The span of the current request, when it is sampled."""
        return self.sampled(get_current_span())

    def start_call(self, model: str, calls: Sequence[PendingCall], meta: MutableMapping[str, object]) -> Span | None:
        """The span of a call to a runner, whose context travels in ``meta``; None when no request is sampled."""
        requests = [call.trace for call in calls if isinstance(call.trace, SpanContext)]
        if not requests:
            return None
        rows = sum(call.rows for call in calls)
        facts: dict[str, str | int] = {"jubako.model": model, "jubako.requests": len(calls), "jubako.rows": rows}
        first = set_span_in_context(NonRecordingSpan(requests[0]), Context())
        links = [Link(request) for request in requests]
        span = self._tracer.start_span(f"call {model}", first, SpanKind.CLIENT, facts, links)
        self._wire.inject(meta, set_span_in_context(span, Context()))
        return span

    @staticmethod
    def end_call(span: Span, reply: Reply | CallFault) -> None:
        if isinstance(reply, Reply):
            span.set_attributes({"jubako.version": reply.version, "jubako.model_seconds": reply.seconds})
        else:
            span.record_exception(reply)
            span.set_status(StatusCode.ERROR, f"{type(reply).__name__}: {reply}")
        span.end()

    def start_compute(self, model: str, meta: Mapping[str, object]) -> Span | None:
        """The span of a computation in a runner; None when the call is not traced."""
        if HEADERS[0] not in meta:
            return None
        context = self._wire.extract({name: str(meta[name]) for name in HEADERS if name in meta}, Context())
        return self._tracer.start_span(f"compute {model}", context, SpanKind.SERVER, {"jubako.model": model})

    @staticmethod
    def end_compute(span: Span, *, failed: bool) -> None:
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send queued spans, for a bounded time: an unreachable collector must not delay the stop."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_WITHIN)


def _add_trace_ids_to_logs() -> None:
    """Log records that are made while a span is current get its trace id."""
    plain = logging.getLogRecordFactory()

    def factory(*args: Any, **options: Any) -> logging.LogRecord:
        record = plain(*args, **options)
        context = get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = f"{context.trace_id:032x}"
        return record

    logging.setLogRecordFactory(factory)
