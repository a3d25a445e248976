"""What BentoML 1.4 gets wrong under load and no setting cures. Each mend says what it is for; each has a test.

Settings come first: BentoML's client, its access log and its refusals are avoided in ``runners.py``, ``running.py`` and
``packing.py`` without a patch. What is left is patched here, in one place, when a service module is imported.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import gc
import logging
import os
import secrets
import shutil
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jubako.gateway.acceptor import Doorman

log = logging.getLogger("jubako.mended")

#: How often the supervisor looks for dead workers. BentoML: 10 s.
CHECK_EVERY = 0.25
#: How long a gateway may take to answer what it accepted, and then a runner to end. BentoML: a day.
GATEWAY_GRACE = 8.0
RUNNER_GRACE = 1.5
PUBLIC_SOCKET = "_bento_api_server"
#: Between the steps of a stop: what was accepted in the last moment still sends its request.
LAST_MOMENT = 0.3
KEEP_ALIVE = 75
SO_ATTACH_FILTER, BPF_RETURN = 26, 0x06
#: New objects before a collection of the youngest, and collections of one age before one of the next.
GARBAGE = (20_000, 20, 20)
#: Seconds that a thread may keep Python's lock from another. Python: 5 ms, which callers would feel.
TURN = 0.0005

_done = False


def mend() -> None:
    """Apply every mend to this process, once."""
    global _done  # noqa: PLW0603 - patches are global by nature
    if not _done:
        _done = True
        _mend_supervisor()
        _mend_metrics_folder()


def _mend_supervisor() -> None:
    """Dead workers come back at once, in a container too; a stop lets the gateway finish before the runners go.

    BentoML looks every 10 s, never restarts inside a container (finding 20), stops runners and gateway together, and
    removes their sockets before they have stopped.
    """
    from bentoml._internal.utils.circus import Arbiter
    from circus.arbiter import Arbiter as Circus
    from circus.exc import ConflictError
    from tornado.gen import coroutine, multi

    plain_init = Arbiter.__init__

    def init(self: Any, watchers: list[Any], *args: Any, **options: Any) -> None:
        options["check_delay"] = CHECK_EVERY
        for watcher in watchers:
            watcher.respawn = True
            watcher.graceful_timeout = GATEWAY_GRACE if watcher.name == "service" else RUNNER_GRACE
        plain_init(self, watchers, *args, **options)

    @coroutine
    def manage_watchers(self: Any) -> Any:
        try:
            yield Circus.manage_watchers(self)
        except ConflictError:
            return  # still starting, or already looking: the next look is a quarter of a second away

    @coroutine
    def stop_watchers(self: Any, close_output_streams: bool = False, watcher_iter_func: Any = None) -> Any:
        watchers = list((watcher_iter_func or self.iter_watchers)(reverse=False))
        _close_public_socket(self)
        for entry in (True, False):
            yield multi([w._stop(close_output_streams) for w in watchers if (w.name == "service") is entry])
        self.exit_stack.__exit__(None, None, None)

    Arbiter.__init__ = init
    Arbiter.manage_watchers = manage_watchers
    Arbiter._stop_watchers = stop_watchers
    Arbiter.stop = Circus.stop


def _close_public_socket(arbiter: Any) -> None:
    """The supervisor's own copy. Left open, the kernel would go on accepting when no gateway does any more."""
    for name, sock in arbiter.sockets.items():
        if name.lower() == PUBLIC_SOCKET:
            sock.close()


def _mend_metrics_folder() -> None:
    """Each server has its own folder for its workers' metrics: with one store, BentoML's wipe each other's (12).

    It is only named here. BentoML makes it in the one process that needs it, and tells the workers where it is.
    """
    from bentoml._internal.configuration.containers import BentoMLContainer

    folder = str(Path(tempfile.gettempdir(), f"jubako-metrics-{os.getpid()}-{secrets.token_hex(4)}"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    BentoMLContainer.prometheus_multiproc_dir.set(folder)


def settle_runner() -> None:
    """A runner's process once it serves: it ends only when its supervisor says so."""
    # Ctrl-C reaches the whole group at once. The gateway answers what it has first, so runners wait for their SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _settle_python()


def settle_gateway(drain_seconds: float, draining: Callable[[], None]) -> None:
    """A gateway's process once it serves: a stop first shows on ``/readyz``, then ends the listening, then the rest."""
    _settle_python()
    loop = asyncio.get_running_loop()
    stops: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    server: Any = getattr(stops[signal.SIGTERM], "__self__", None)
    if server is None:  # not under uvicorn: a test, or somebody else's server with its own ways to stop
        return
    # uvicorn closes connections that were quiet for 5 s; a caller who writes in that moment gets no answer.
    server.config.timeout_keep_alive = KEEP_ALIVE
    doorman = Doorman(server)
    stopping = False

    def drain(number: int) -> None:
        nonlocal stopping
        if stopping:  # a supervisor tells a worker and its parent, and a person may press Ctrl-C twice
            return
        stopping = True
        draining()
        log.info("draining for %g s, then stopping", drain_seconds)
        for listener in server.servers:
            loop.call_later(drain_seconds, _take_no_more, listener)
            loop.call_later(drain_seconds + LAST_MOMENT, listener.close)
        loop.call_later(drain_seconds + LAST_MOMENT, doorman.close)
        loop.call_later(drain_seconds + 2 * LAST_MOMENT, stops[number], number, None)

    for number in stops:
        loop.add_signal_handler(number, drain, number)


def _take_no_more(listener: Any) -> None:
    """Who is in the kernel's queue is still served; who comes now is kept outside, and then refused cleanly.

    A closed queue would reset whoever is in it. So the kernel is told to drop every packet that asks for a connection.
    """
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    for place in listener.sockets:
        with socket.socket(fileno=os.dup(place.fileno())) as listening:
            try:
                listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            except OSError:  # not Linux: a queue of one is the next best
                listening.listen(0)


def _settle_python() -> None:
    """Threads take turns sooner, and garbage is looked for where it can be.

    What was loaded at start is never garbage: without this, full collections pause requests for 0.3 s (18).

    And a thousand requests at once are no garbage either: Python would look through them after every 700 new objects.
    """
    sys.setswitchinterval(TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
