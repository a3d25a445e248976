"""Made-up HTTP: valid requests, changed where parsers differ. An answer that fits no request is a fault."""

from __future__ import annotations

import asyncio
import gc
import logging

import h11
import pytest
import uvloop

from tests.engine.gateway.fronting import fronting
from tests.fuzz.answers import Answer, fault
from tests.fuzz.cases import case
from tests.fuzz.grammar import Target
from tests.fuzz.oracle import read
from tests.fuzz.running import Report, fuzz, resident

SEED, REQUESTS = 15, 20_000
ROUTE, PAGE = b"/v1/echo/predict", b"/page"
TARGETS = (
    Target(ROUTE, b"POST", (b"{}", b"[1, 2, 3]", b'{"inputs": [1, 2]}', b"x" * 300)),
    Target(ROUTE, b"POST", (b"{}",)),
    Target(ROUTE),
    Target(PAGE),
    Target(PAGE, b"HEAD"),
    Target(PAGE, b"POST", (b"{}", b"y" * 5_000)),
)


def test_every_answer_belongs_to_a_request_whatever_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> tuple[Report, int]:
        async with fronting() as front:
            await fuzz(front.port, TARGETS, REQUESTS // 4, seed=SEED - 1, echo=ROUTE)
            gc.collect()
            before = resident()
            report = await fuzz(front.port, TARGETS, REQUESTS, seed=SEED, echo=ROUTE)
            async with asyncio.timeout(20):
                while len(front.frontend.connections):  # noqa: ASYNC110 - until the last one is gone
                    await asyncio.sleep(0.05)
            assert front.frontend.held_bytes == 0
            gc.collect()
            return report, resident() - before

    with caplog.at_level(logging.WARNING):
        report, grown = uvloop.run(run())
    assert not report.faults, "\n".join(report.faults)
    assert not caplog.records
    assert report.statuses[200] > REQUESTS / 10
    assert {400, 405, 413, 415, 431} <= set(report.statuses)
    assert grown < 30_000_000


def test_the_oracle_and_another_parser_agree_on_what_is_certainly_a_request() -> None:
    checked = 0
    for number in range(1_000):
        data = case(SEED, number, TARGETS).data
        sure = [request for request in read(data).requests if request.sure]
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
        parser.receive_data(data)
        for request in sure:
            try:
                event, body = parser.next_event(), b""
            except h11.RemoteProtocolError as error:  # the standard asks to pass over an empty line; h11 does not
                assert "no request line" in str(error)  # noqa: PT017
                break
            assert isinstance(event, h11.Request)
            assert (event.method, event.target) == (request.method, request.target)
            while isinstance(event := parser.next_event(), h11.Data):
                body += bytes(event.data)
            assert isinstance(event, h11.EndOfMessage)
            assert body == request.body
            parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            parser.send(h11.EndOfMessage())
            checked += 1
            if request.may_end:
                break
            parser.start_next_cycle()
    assert checked > 1_000


REQUEST = b"POST /v1/echo/predict HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nContent-Length: 2\r\n\r\n{}"


def told(status: int = 200, request_id: bytes = b"1", body: bytes = b"{}", **headers: bytes) -> Answer:
    return Answer(status, {b"x-request-id": request_id, **{k.encode(): v for k, v in headers.items()}}, body)


@pytest.mark.parametrize(
    ("sent", "answers", "ended", "why"),
    [
        (REQUEST, [told()], False, None),
        (REQUEST, [], False, "0 answers to 1"),
        (REQUEST, [told(), told()], False, "of another request"),
        (REQUEST, [told(), told(request_id=b"9")], False, "there was no request"),
        (REQUEST, [told(500)], False, "answer 0 (500)"),
        (REQUEST, [told(request_id=b"2")], False, "instead of"),
        (REQUEST, [told(body=b"[]")], False, "body of another"),
        (REQUEST, [told(connection=b"close")], True, "closes the connection"),
        (REQUEST, [told()], True, "without a word"),
        (REQUEST.replace(b"Host: a\r\n", b""), [told(request_id=b"9")], False, "there was no request"),
        (REQUEST[:-1], [told()], False, "there was no request"),
        (REQUEST + REQUEST.replace(b"ID: 1", b"ID: 2"), [told(request_id=b"2"), told()], False, "instead of"),
    ],
)
def test_a_wrong_answer_is_found(sent: bytes, answers: list[Answer], ended: bool, why: str | None) -> None:
    found = fault(read(sent), answers, {b"1", b"2"}, ROUTE, ended)
    assert found is None if why is None else why in (found or "")
