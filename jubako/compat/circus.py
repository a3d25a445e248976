"""What is patched in the supervisor: circus, as BentoML uses it. Tested with kantoku 0.18.3 and BentoML 1.4.40."""

from __future__ import annotations

from typing import Any

#: How often the supervisor looks for dead workers. BentoML: 10 s.
CHECK_EVERY = 0.25
#: How long a gateway may take to answer what it accepted, and then a runner to end. BentoML: a day.
GATEWAY_GRACE = 8.0
RUNNER_GRACE = 1.5
#: BentoML's names of the gateway's watcher and of its socket.
GATEWAY_WATCHER, PUBLIC_SOCKET = "service", "_bento_api_server"


def patch_supervisor() -> None:
    """Dead workers come back at once, in a container too; at a stop the gateway ends before the runners do.

    BentoML looks every 10 s, never restarts inside a container (finding 20), stops runners and gateway together, and
    removes their sockets before they have stopped. None of these is a setting.
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
            watcher.graceful_timeout = GATEWAY_GRACE if watcher.name == GATEWAY_WATCHER else RUNNER_GRACE
        plain_init(self, watchers, *args, **options)

    @coroutine
    def manage_watchers(self: Any) -> Any:
        try:
            yield Circus.manage_watchers(self)
        except ConflictError:
            return  # still starting, or a check is under way: the next one comes in a quarter of a second

    @coroutine
    def stop_watchers(self: Any, close_output_streams: bool = False, watcher_iter_func: Any = None) -> Any:
        watchers = list((watcher_iter_func or self.iter_watchers)(reverse=False))
        _close_public_socket(self)
        for gateway in (True, False):
            ending = [watcher for watcher in watchers if (watcher.name == GATEWAY_WATCHER) is gateway]
            yield multi([watcher._stop(close_output_streams) for watcher in ending])
        self.exit_stack.__exit__(None, None, None)

    Arbiter.__init__ = init
    Arbiter.manage_watchers = manage_watchers
    Arbiter._stop_watchers = stop_watchers
    Arbiter.stop = Circus.stop


def _close_public_socket(arbiter: Any) -> None:
    """The supervisor's own copy: while it is open, the kernel accepts connections that no gateway answers any more."""
    for name, sock in arbiter.sockets.items():
        if name.lower() == PUBLIC_SOCKET:
            sock.close()
