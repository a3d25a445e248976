"""The mock service behind a real socket, for what needs real HTTP but no models."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any

import httpx
import uvicorn

from jubako.client.testing import MockService


class FakeService:
    """``with FakeService() as fake: fake.url``."""

    def __init__(self, mock: MockService | None = None) -> None:
        self.mock = mock or MockService()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(self._app, interface="asgi3", log_level="error", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        url = self.url + scope["path"]
        answer = self.mock.respond(httpx.Request(scope["method"], url, headers=scope["headers"], content=body))
        self.mock.requests.clear()
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() != b"transfer-encoding"]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})

    def __enter__(self) -> FakeService:
        self._thread.start()
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as http:
            http.get(f"{self.url}/livez")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
