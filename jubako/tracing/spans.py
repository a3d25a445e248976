"""The three kinds of spans: a request in the gateway, a call to a runner, and the computation in the runner.

A call carries many requests. Its span is the child of the first sampled request, so that the trace of a single request
is complete, and has a link to each of them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, MutableMapping, Sequence
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
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Message, Send

from jubako.batching.runner_client import Reply
from jubako.batching.schedulers import PendingCall

EXPORT_EVERY_MS = 1_000
#: Spans that may wait for the collector; more are dropped.
MAX_QUEUED = 4_096
EXPORT_WITHIN = 5.0
CLOSE_WITHIN = 2.0
HEADERS = ("traceparent", "tracestate")

Finish = Callable[[str, str, int, str | None], None]
"""Called with a request's id, outcome, rows and version when it ends."""


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

    @contextlib.contextmanager
    def request(self, model: str, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[Finish]:
        """The span of a request in the gateway; continues the client's ``traceparent``."""
        carrier = {name.decode(): value.decode("latin-1") for name, value in headers if name.decode() in HEADERS}
        context = self._wire.extract(carrier, Context())
        with self._tracer.start_as_current_span(
            f"predict {model}", context, SpanKind.SERVER, {"jubako.model": model}
        ) as span:

            def finish(request_id: str, outcome: str, rows: int, version: str | None) -> None:
                span.set_attributes({"jubako.request_id": request_id, "jubako.outcome": outcome, "jubako.rows": rows})
                if version:
                    span.set_attribute("jubako.version", version)
                if outcome in ("failed", "late"):
                    span.set_status(StatusCode.ERROR, outcome)

            yield finish

    @staticmethod
    def current_request() -> SpanContext | None:
        """The span of the current request, when it is sampled."""
        context = get_current_span().get_span_context()
        return context if context.trace_flags.sampled else None

    async def call(
        self,
        model: str,
        calls: Sequence[PendingCall],
        headers: MutableMapping[str, str],
        sending: Coroutine[Any, Any, Reply],
    ) -> Reply:
        """The span of a call to a runner; adds its context to ``headers`` before ``sending`` starts."""
        requests = [call.trace for call in calls if isinstance(call.trace, SpanContext)]
        if not requests:
            return await sending
        rows = sum(call.rows for call in calls)
        facts: dict[str, str | int] = {"jubako.model": model, "jubako.requests": len(calls), "jubako.rows": rows}
        with self._tracer.start_as_current_span(
            f"call {model}",
            set_span_in_context(NonRecordingSpan(requests[0]), Context()),
            SpanKind.CLIENT,
            facts,
            [Link(request) for request in requests],
        ) as span:
            self._wire.inject(headers)
            reply = await sending
            span.set_attributes({"jubako.version": reply.version, "jubako.model_seconds": reply.seconds})
            return reply

    @contextlib.contextmanager
    def compute(self, model: str, headers: Mapping[str, str], send: Send) -> Iterator[Send]:
        """The span of a computation in a runner; none when the call is not traced."""
        if HEADERS[0] not in headers:
            yield send
            return
        context = self._wire.extract({name: headers[name] for name in HEADERS if name in headers}, Context())
        facts = {"jubako.model": model}
        with self._tracer.start_as_current_span(f"compute {model}", context, SpanKind.SERVER, facts) as span:

            async def traced(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] >= 500:
                    span.set_status(StatusCode.ERROR)
                await send(message)

            yield traced

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
