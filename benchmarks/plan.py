"""The plan of a run: servers, models and loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.servers import DOCUMENTED, JUBAKO, PEERS, Server

Cell = tuple[int, int]
"""Connections, and rows in each request."""

CELLS: tuple[Cell, ...] = tuple((connections, rows) for rows in (1, 64) for connections in (1, 16, 64, 256))
CROWD: Cell = (1024, 1)
FEW: tuple[Cell, ...] = ((1, 1), (64, 1))
#: The open loop offers so much of what the server reached with this cell.
BASIS: Cell = (64, 1)
SHARE = 0.7
#: A closed loop whose queue takes longer than this measures the queue, not the server.
PATIENCE_SECONDS = 4.0


@dataclass(frozen=True)
class Station:
    """One server with one model, and its loads between start and stop."""

    server: Server
    model: str
    cells: tuple[Cell, ...]
    open_loop: bool


@dataclass(frozen=True)
class Plan:
    models: tuple[str, ...]
    servers: tuple[Server, ...]
    rounds: int
    seconds: float
    warm_seconds: float
    quick: bool = False

    def stations(self, number: int) -> Iterator[Station]:
        """Of round ``number``. Each round begins with another server, so that none is always first."""
        for model in self.models:
            first = number % max(len(self.servers), 1)
            for server in self.servers[first:] + self.servers[:first]:
                if server.documented and model != "iris":
                    continue
                yield Station(server, model, self._cells(server, model), self._open_loop(server))

    def _cells(self, server: Server, model: str) -> tuple[Cell, ...]:
        if self.quick or server.documented:
            return FEW
        return (*CELLS, CROWD) if model == "iris" else CELLS

    def _open_loop(self, server: Server) -> bool:
        return not (self.quick or server.documented)


def whole(models: Sequence[str], servers: Sequence[Server] | None, rounds: int = 3, seconds: float = 4.0) -> Plan:
    return Plan(tuple(models), tuple(servers or (JUBAKO, *PEERS, *DOCUMENTED)), rounds, seconds, 1.5)


def quick(models: Sequence[str], servers: Sequence[Server] | None, rounds: int = 2, seconds: float = 2.0) -> Plan:
    """Under five minutes: iris, whose serving costs more than its computing, with one and with 64 connections."""
    wanted = tuple(model for model in models if model == "iris") or tuple(models[:1])
    return Plan(wanted, tuple(servers or (JUBAKO, *PEERS)), rounds, seconds, 1.0, quick=True)


def too_slow(cell: Cell, bare_rows_per_second: float) -> str | None:
    """Why a cell is left out, if its queue would be too long.

    >>> too_slow((256, 64), bare_rows_per_second=250.0)
    'a queue of 16384 rows is 66 s of work for the bare model'
    >>> too_slow((64, 1), bare_rows_per_second=250.0)
    """
    connections, rows = cell
    work = connections * rows / bare_rows_per_second
    return (
        f"a queue of {connections * rows} rows is {work:.0f} s of work for the bare model"
        if work > PATIENCE_SECONDS
        else None
    )
