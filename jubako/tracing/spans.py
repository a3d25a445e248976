"""The three kinds of spans: a request in the gateway, a call to a runner, and the work in the runner.

A call carries many requests. It is the child of the first one that is sampled, so that a trace of a single request is
whole, and linked to each of them, so that the others find it too.
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
#: Spans that may wait for the collector; more are dropped, because memory is for predictions.
MOST_WAITING = 4_096
EXPORT_WITHIN = 5.0
CLOSE_WITHIN = 2.0
HEADERS = ("traceparent", "tracestate")

Told = Callable[[str, str, int, str | None], None]
"""How a request ended: its id, outcome, rows and version."""


class Tracing:
    def __init__(self, endpoint: str, sample_rate: float, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.namespace": "jubako"})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(sample_rate)), resource=resource)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_WITHIN),
                max_queue_size=MOST_WAITING,
                schedule_delay_millis=EXPORT_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("jubako")
        self._wire = TraceContextTextMapPropagator()
        _name_traces_in_logs()

    @contextlib.contextmanager
    def request(self, model: str, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[Told]:
        """A request at the gateway's door; the caller's ``traceparent`` is honoured."""
        carrier = {name.decode(): value.decode("latin-1") for name, value in headers if name.decode() in HEADERS}
        context = self._wire.extract(carrier, Context())
        with self._tracer.start_as_current_span(
            f"predict {model}", context, SpanKind.SERVER, {"jubako.model": model}
        ) as span:

            def told(request_id: str, outcome: str, rows: int, version: str | None) -> None:
                span.set_attributes({"jubako.request_id": request_id, "jubako.outcome": outcome, "jubako.rows": rows})
                if version:
                    span.set_attribute("jubako.version", version)
                if outcome in ("failed", "late"):
                    span.set_status(StatusCode.ERROR, outcome)

            yield told

    @staticmethod
    def here() -> SpanContext | None:
        """The request whose work this is, when it is sampled."""
        context = get_current_span().get_span_context()
        return context if context.trace_flags.sampled else None

    async def call(
        self,
        model: str,
        entries: Sequence[PendingCall],
        headers: MutableMapping[str, str],
        sending: Coroutine[Any, Any, Reply],
    ) -> Reply:
        """A call to a runner that is about to be sent with these headers."""
        requests = [entry.trace for entry in entries if isinstance(entry.trace, SpanContext)]
        if not requests:
            return await sending
        rows = sum(entry.rows for entry in entries)
        facts: dict[str, str | int] = {"jubako.model": model, "jubako.requests": len(entries), "jubako.rows": rows}
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
    def work(self, model: str, headers: Mapping[str, str], send: Send) -> Iterator[Send]:
        """What a runner does for a call; nothing when nobody traces that call."""
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
        """Send what waits, within a bound: a collector that is gone must not hold up a stop."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_WITHIN)


def _name_traces_in_logs() -> None:
    """Whatever is logged while a span is current has its trace's id."""
    plain = logging.getLogRecordFactory()

    def factory(*args: Any, **options: Any) -> logging.LogRecord:
        record = plain(*args, **options)
        context = get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = f"{context.trace_id:032x}"
        return record

    logging.setLogRecordFactory(factory)
