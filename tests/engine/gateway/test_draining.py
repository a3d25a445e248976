"""A stop resets no connection that the kernel has taken."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from jubako.gateway.draining import refuse_connections, unaccepted

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's socket filters")


def test_connections_in_the_kernels_queue_are_counted_and_stay_while_new_ones_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listener: Any = SimpleNamespace(sockets=[listening])
        assert unaccepted(listener) == 0
        waiting = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        refuse_connections(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listening.getsockname(), timeout=0.1)
        assert unaccepted(listener) == 3
        for client in waiting:
            accepted, _ = listening.accept()
            accepted.sendall(b"served")
            assert client.recv(6) == b"served"
            accepted.close()
            client.close()
        assert unaccepted(listener) == 0
