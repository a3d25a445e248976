"""``make stack``: everything around the service, from local packages, on loopback; Ctrl-C stops it."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import time
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from deploy.stack.program import RunningProgram, wait_until_ready
from deploy.stack.programs import Ports, StackPlan, plan
from jubako import home

START_SECONDS = 180.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, port in vars(Ports()).items():
        parser.add_argument(f"--{name}-port", type=int, default=port)
    given = parser.parse_args()
    ports = Ports(given.service_port, given.mlflow_port, given.prometheus_port, given.alertmanager_port)
    screen = Console()
    stop = _Stop()
    planned = plan(ports, home.jubako_home() / "stack")
    if taken := [program for program in planned.programs if _is_taken(program.address)]:
        for program in taken:
            screen.print(f"[red]{program.address} is taken[/]: {program.name} needs it. See --help for other ports.")
        return 1
    return _run(planned, screen, stop)


class _Stop:
    """Remembers Ctrl-C or SIGTERM, so that programs stop in order."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._want)

    def _want(self, *_: object) -> None:
        self.wanted = True


def _run(planned: StackPlan, screen: Console, stop: _Stop) -> int:
    logs = home.jubako_home() / "stack" / "logs"
    running: list[RunningProgram] = []
    try:
        with screen.status("Starting"):
            for program in planned.programs:
                running.append(RunningProgram(program, logs))  # noqa: PERF401 - on an error, started programs are stopped
            late = _wait(running, stop)
        if late and not stop.wanted:
            how = "took too long" if late.ended() is None else f"ended with {late.ended()}"
            screen.print(f"[red]{late.program.name} {how}[/] before it was ready; the end of {late.log}:")
            screen.print(late.log.read_text(errors="replace")[-2000:], markup=False, highlight=False)
            return 1
        _show(planned, running, screen)
        _watch(running, screen, stop)
        return 0
    finally:
        _stop(running, screen)


def _wait(running: list[RunningProgram], stop: _Stop) -> RunningProgram | None:
    end = time.monotonic() + START_SECONDS
    while not stop.wanted:
        late = wait_until_ready(running, seconds=1.0)
        if late is None or late.ended() is not None or time.monotonic() > end:
            return late
    return None


def _show(planned: StackPlan, running: list[RunningProgram], screen: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("program", "address", "what it is", "process"):
        table.add_column(title)
    for one in running:
        table.add_row(one.program.name, one.program.address, one.program.about, str(one.pid))
    for name, why in planned.left_out.items():
        table.add_row(name, "[dim]left out[/]", why, "")
    screen.print(table)
    screen.print(f"Logs: {running[0].log.parent}. Ctrl-C stops all.")


def _watch(running: list[RunningProgram], screen: Console, stop: _Stop) -> None:
    """Until a stop or until no program is left. A program that ends is reported, and the others go on."""
    left = list(running)
    while left and not stop.wanted:
        for one in [one for one in left if one.ended() is not None]:
            left.remove(one)
            screen.print(f"[yellow]{one.program.name} ended with {one.ended()}[/]; the others go on")
        time.sleep(0.2)


def _stop(running: list[RunningProgram], screen: Console) -> None:
    """Stop the load balancer first, so that no request goes to a stopping replica; then the others together."""
    left = [one for one in reversed(running) if one.ended() is None]
    for together in (left[:1], left[1:]):
        for one in together:
            one.ask_to_stop()
        for one in together:
            screen.print(f"{one.program.name} ended with {one.wait()}")


def _is_taken(address: str) -> bool:
    parsed = urlsplit(address)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((parsed.hostname, parsed.port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
