"""``python -m jubako.load --profile steady``: load, checked answers, objectives, a report."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from yaml import YAMLError

from jubako.home import jubako_home
from jubako.load import generator, objectives
from jubako.load.chaos import Chaos
from jubako.load.plan import Order, OrderRefused, is_here, refuse_strangers
from jubako.load.profiles import PROFILES
from jubako.load.service import OwnService, answers

CONSOLE = Console()
DEFAULT_URL = "http://127.0.0.1:3000"


def arguments() -> argparse.ArgumentParser:
    named = "; ".join(f"{name}: {(one.__doc__ or '').strip().splitlines()[0]}" for name, one in PROFILES.items())
    parser = argparse.ArgumentParser(prog="python -m jubako.load", description=__doc__)
    add = parser.add_argument
    add("--profile", choices=list(PROFILES), default="steady", help=named)
    add("--url", default=DEFAULT_URL, help="the service; where none answers on this machine, one is started")
    add("--seconds", type=float, help="the whole run, instead of what the profile says")
    add("--users", type=int, help="callers at the profile's peak")
    add("--requests", type=int, default=Order().requests, help="the run ends when so many were sent")
    add("--seed", type=int, default=Order().seed, help="of the rows that are asked about")
    add("--models", type=lambda text: tuple(text.split(",")), default=(), help="only these, as iris,churn")
    add("--objectives", type=Path, default=Order().objectives, help="what must be reached (load_tests/objectives.yaml)")
    add("--report", type=Path, help="the HTML report; by default under .jubako/load/")
    add("--web", action="store_true", help="with Locust's web page, on http://127.0.0.1:8089")
    add("--processes", type=int, default=1, help="Locust processes on this machine")
    add("--master", action="store_true", help="wait for workers, and let them send")
    add("--expect-workers", type=int, default=1, help="how many a master waits for")
    add("--bind", default="127.0.0.1", help="where a master listens for workers")
    add("--worker", action="store_true", help="send for a master, started with the same --profile and --seed")
    add("--master-host", default="127.0.0.1", help="where a worker finds its master")
    add("--master-port", type=int, default=5557)
    add("--no-ceiling", action="store_true", help="do not measure first what this generator can do")
    add("--i-own-this-host", action="store_true", dest="own_host", help="load a host that is not this machine")
    return parser


def main(words: list[str] | None = None) -> int:
    # Whoever ends this run ends what it started: the service, the responder, Locust.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    given = arguments().parse_args(words)
    report = given.report or jubako_home() / "load" / f"{given.profile}-{time.strftime('%Y%m%d-%H%M%S')}.html"
    try:
        order = Order(
            profile=given.profile,
            seconds=given.seconds,
            users=given.users,
            requests=given.requests,
            seed=given.seed,
            models=given.models,
            objectives=given.objectives.absolute(),
            summary=report.absolute().with_suffix(".json"),
            own_host=given.own_host,
        )
        refuse_strangers(given.url, given.own_host)
        known(order)
        if given.worker:
            return worker(given, order)
        return load(given, order, report.absolute())
    except OrderRefused as refused:
        CONSOLE.print(f"[red]{refused}[/]", highlight=False)
        return 2


def known(order: Order) -> None:
    """Objectives that cannot be read are told before the load, not after it."""
    try:
        objectives.read(order.objectives)
    except (OSError, ValueError, YAMLError) as error:
        raise OrderRefused(f"{order.objectives} holds no objectives: {error}") from error


def worker(given: argparse.Namespace, order: Order) -> int:
    options = ["--worker", "--master-host", given.master_host, "--master-port", str(given.master_port)]
    return generator.locust(None, order, options)


def load(given: argparse.Namespace, order: Order, report: Path) -> int:
    profile = PROFILES[order.profile]
    most = None if given.no_ceiling or given.master else generator.ceiling(order, given.processes)
    with ExitStack() as stack:
        url, own = given.url, None
        if not answers(url, order.asked):
            url, own = started(url, order, stack)
        if profile.kills_every is not None and own is None:
            raise OrderRefused(f"{order.profile} kills runners, and only those of a service that it started itself")
        chaos = Chaos(own, profile.kills_every) if own is not None and profile.kills_every is not None else None
        before = own.megabytes() if own else 0.0
        if chaos is not None:
            chaos.start()
            stack.callback(chaos.stop)
        bound = None if given.web else generator.bound(profile, order)
        code = generator.locust(url, order, options(given, report), seconds=bound)
        if chaos is not None:
            chaos.stop()
            CONSOLE.print(f"killed: {', '.join(map(str, chaos.kills)) or 'nobody'}", highlight=False)
            code = code if chaos.kills else code or 1
        if own is not None:
            CONSOLE.print(f"memory of the service: {before:,.0f} MB before, {own.megabytes():,.0f} MB after")
    if most is not None and order.summary is not None and order.summary.exists():
        content = json.loads(order.summary.read_text(encoding="utf-8"))
        CONSOLE.print(generator.in_proportion(content["per_second"], most), highlight=False)
        order.summary.write_text(json.dumps({**content, "ceiling_per_second": most}, indent=2), encoding="utf-8")
    CONSOLE.print(f"report: {report}", highlight=False, soft_wrap=True)
    return code


def started(url: str, order: Order, stack: ExitStack) -> tuple[str, OwnService]:
    """A service of our own, where the wanted one does not answer."""
    if not is_here(urlsplit(url).hostname or ""):
        raise OrderRefused(f"nobody is ready at {url}")
    CONSOLE.print(f"nobody is ready at {url}: starting the service", highlight=False)
    own = stack.enter_context(OwnService(order.asked))
    CONSOLE.print(f"it serves at {own.url}; its log is {own.log}", highlight=False, soft_wrap=True)
    return own.url, own


def options(given: argparse.Namespace, report: Path) -> list[str]:
    """What Locust itself is told."""
    report.parent.mkdir(parents=True, exist_ok=True)
    found = ["--html", str(report), "--json-file", str(report.with_suffix(".stats")), "--profile", given.profile]
    found += ["--web-host", "127.0.0.1"] if given.web else ["--headless", "--only-summary"]
    if given.master:
        found += ["--master", "--master-bind-host", given.bind, "--master-bind-port", str(given.master_port)]
        found += ["--expect-workers", str(given.expect_workers), "--expect-workers-max-wait", "60"]
    elif given.processes > 1:
        found += ["--processes", str(given.processes)]
    return found


if __name__ == "__main__":
    sys.exit(main())
