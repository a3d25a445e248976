"""Prefork: a worker that dies is replaced by a fork of a process that has everything imported.

Starting a worker from nothing costs a second of processor time, most of it imports, and two or three seconds on a busy
machine. So each worker's process imports everything, then forks: the child serves, the parent waits. When the child
dies, the parent forks the next one at once. When the parent dies, the child serves on until the supervisor has replaced
both, however long that takes and however often the replacement dies before it serves. Parent and child share their
memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path

log = logging.getLogger("jubako.prefork")

PR_SET_PDEATHSIG = 1
ORPHANED = signal.SIGUSR1
#: How long a child outlives its parent, at least (the supervisor starts another pair meanwhile) and at most.
ORPHAN_SECONDS, MOST_ORPHAN_SECONDS = 8.0, 120.0
LOOK_EVERY = 1.0
#: A child that dies younger than this did not serve; each time the next fork comes later.
YOUNG_SECONDS = 2.0
MOST_YOUNG_DEATHS = 5


def fork_and_watch() -> None:
    """Returns in the child, which serves. Outside a BentoML worker it does nothing."""
    if "--worker-id" not in sys.argv or not hasattr(os, "fork"):
        return
    own = int(sys.argv[sys.argv.index("--fd") + 1])
    _close_foreign_listeners(own)
    with contextlib.suppress(ImportError):
        import onnxruntime  # noqa: F401 - so that no child imports it
    gc.collect()
    gc.freeze()
    parent, supervisor = os.getpid(), os.getppid()
    young_deaths = 0
    while True:
        born = time.monotonic()
        child = os.fork()
        if child == 0:
            _serve_on_as_orphan(parent, supervisor)
            return
        status = _wait_for(child, own)
        if time.monotonic() - born > YOUNG_SECONDS:
            young_deaths = 0
        else:
            young_deaths += 1
            if young_deaths >= MOST_YOUNG_DEATHS:
                # A fork does not cure this: the supervisor starts a new process instead.
                os._exit(1)
            time.sleep(0.1 * 2**young_deaths)
        log.warning("a worker ended with status %d; a new fork serves", status)


def _wait_for(child: int, own: int) -> int:
    """The child's exit code. Does not return when this process was told to stop."""
    stopping = False

    def stop(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
        # The child decides when listening ends. While this copy is open, the kernel accepts connections for nobody.
        with contextlib.suppress(OSError):
            os.close(own)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if stopping or code == 0:
        os._exit(0)
    return code


def _serve_on_as_orphan(parent: int, supervisor: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)

    def orphaned(_number: int, _frame: object) -> None:
        log.warning("the parent of this worker is gone; it serves until the supervisor has started another pair")
        since, before = time.monotonic(), 0

        def look(_number: int, _frame: object) -> None:
            nonlocal before
            seconds, now = time.monotonic() - since, _successor(supervisor)
            # Seen twice: it has had time to load its model.
            replaced = seconds > ORPHAN_SECONDS and now == before != 0
            if replaced or seconds > MOST_ORPHAN_SECONDS or not _arguments(supervisor):
                signal.setitimer(signal.ITIMER_REAL, 0)
                os.kill(os.getpid(), signal.SIGTERM)
            before = now

        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY, LOOK_EVERY)

    signal.signal(ORPHANED, orphaned)
    die_with_parent(ORPHANED)
    if os.getppid() != parent:
        orphaned(0, None)


def _successor(supervisor: int) -> int:
    """The child of the pair that replaces this one; 0 while there is none."""
    own = _arguments(os.getpid())
    for parent in _children(supervisor):
        if _arguments(parent) == own:
            return max(_children(parent), default=0)
    return 0


def _arguments(process: int) -> bytes:
    """Its command line; empty for a process that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def _children(process: int) -> list[int]:
    found: list[int] = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, listed.read_text().split())
    return found


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """The kernel sends a signal when the parent ends, so that no orphan holds its sockets for ever."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    except (AttributeError, OSError):
        log.debug("no prctl here: orphaned workers must be stopped by hand")


def _close_foreign_listeners(own: int) -> None:
    """Every worker inherits every listening socket. While a runner holds the public one, the kernel accepts connections
    that no process answers after the gateway has stopped."""
    if not Path("/proc/self/fd").exists():
        return
    name = _listens_at(own)
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode) and _listens_at(number) not in (None, name):
                os.close(number)


def _listens_at(number: int) -> object:
    """The address of a listening socket; None for any other."""
    with socket.socket(fileno=os.dup(number)) as found:
        return found.getsockname() if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else None
