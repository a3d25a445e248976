"""Plays a service that says what a test wants it to say, behind the real console's files and headers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from jubako import collection
from jubako.console import cards, files

NAME = "iris"


def model(**facts: Any) -> dict[str, Any]:
    usual = {"name": NAME, "version": "1", "ready": True, "why": None, "framework": "f", "engine": "e", "device": "d"}
    return {**usual, **facts}


def column(name: str, **facts: Any) -> dict[str, Any]:
    return {"column": name, "state": "stable", "score": 0.2, **facts}


def report(**facts: Any) -> dict[str, Any]:
    usual = {
        "model": NAME,
        "state": "stable",
        "headline": "No drift in any of 1 columns.",
        "basis": "1,000 rows answered",
        "alarms": [],
        "window": {"rows": 1000, "needed": 500, "start": 1795236300.0, "end": 1795239900.0},
        "columns": [column("petal_width")],
        "accounting": {"received": 1000, "profiled": 1000, "dropped": 0, "pending": 0, "killed": 0},
        "feedback": {},
        "quality": [],
        "versions": [],
    }
    return {**usual, **facts}


NO_ROLLOUT = {"model": NAME, "status": None, "summary": "", "rollout": None, "history": [], "damaged": False}


class Stage:
    """``answers`` holds the JSON or text of each address; ``key`` is what must be sent, when it is set."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.broken = False
        self.posted: list[tuple[str, str]] = []
        self.answers: dict[str, Any] = {
            "/console/cards.json": cards(collection.here()),
            "/metrics": "",
            "/v1/models": {"models": [model()]},
            f"/v1/monitoring/{NAME}": report(),
        }
        stage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stage.answer(self)

            def do_POST(self) -> None:
                stage.posted.append((self.path, self.rfile.read(int(self.headers["content-length"])).decode()))
                stage.answer(self)

            def log_message(self, *_: Any) -> None:
                """A test's output has no room for an access log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/console"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        file = files().get(request.path)
        if file is not None:
            headers = [(name.decode(), value.decode()) for name, value in file.headers]
            return _send(request, file.status, file.body, headers)
        if self.broken:
            return _send(request, 500, b"{}", [])
        if self.key and request.headers["authorization"] != f"Bearer {self.key}":
            return _send(request, 401, b'{"detail": "send a key"}', [])
        found = self.answers.get(request.path, NO_ROLLOUT if request.path.endswith("/rollout") else None)
        if found is None:
            return _send(request, 404, b"{}", [])
        return _send(request, 200, found.encode() if isinstance(found, str) else json.dumps(found).encode(), [])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
    request.send_response(status)
    for name, value in [*headers, ("content-length", str(len(body)))]:
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
