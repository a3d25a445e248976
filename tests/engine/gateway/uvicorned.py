"""A small application behind the server that BentoML uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from tests.serving import free_port


@asynccontextmanager
async def served(application: ASGIApp) -> AsyncIterator[int]:
    """The port where it is served."""
    port = free_port()
    config = uvicorn.Config(application, port=port, http="httptools", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving
