"""``python -m jubako.load --profile steady``: load, checked answers, objectives, a report."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from yaml import YAMLError

from jubako import collection
from jubako.home import jubako_home
from jubako.load import generator, objectives
from jubako.load.chaos import RunnerKiller
from jubako.load.plan import LoadPlan, PlanRefused, is_local, require_local_host
from jubako.load.profiles import PROFILES, LoadProfile
from jubako.load.service import ServiceProcess, is_ready

CONSOLE = Console()
DEFAULT_URL = "http://127.0.0.1:3000"


def arguments() -> argparse.ArgumentParser:
    named = "; ".join(f"{name}: {(one.__doc__ or '').strip().splitlines()[0]}" for name, one in PROFILES.items())
    parser = argparse.ArgumentParser(prog="python -m jubako.load", description=__doc__)
    add = parser.add_argument
    add("--profile", choices=list(PROFILES), default="steady", help=named)
    add("--url", default=DEFAULT_URL, help="the service; if none answers on this machine, one is started")
    add("--seconds", type=float, help="length of the whole run, instead of the profile's")
    add("--users", type=int, help="users at the profile's peak")
    add("--requests", type=int, default=LoadPlan().requests, help="the run ends after this many requests")
    add("--seed", type=int, default=LoadPlan().seed, help="of the rows")
    add("--models", type=lambda text: tuple(text.split(",")), default=(), help="only these, as iris,churn")
    add("--objectives", type=Path, help="the objectives to meet (load_tests/objectives.yaml)")
    add("--report", type=Path, help="the HTML report; by default under .jubako/load/")
    add("--web", action="store_true", help="with Locust's web page, on http://127.0.0.1:8089")
    add("--processes", type=int, default=1, help="Locust processes on this machine")
    add("--master", action="store_true", help="wait for workers, and let them send")
    add("--expect-workers", type=int, default=1, help="how many workers a master waits for")
    add("--bind", default="127.0.0.1", help="the address on which a master listens for workers")
    add("--worker", action="store_true", help="send for a master; give it the master's --profile and --seed")
    add("--master-host", default="127.0.0.1", help="the master's address")
    add("--master-port", type=int, default=5557)
    add("--no-ceiling", action="store_true", help="do not measure the generator first")
    add("--i-own-this-host", action="store_true", dest="own_host", help="load a host that is not this machine")
    return parser


def main(words: list[str] | None = None) -> int:
    # SIGTERM unwinds the stack, so that the service, the ceiling's server and Locust stop with this process.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    given = arguments().parse_args(words)
    report = given.report or jubako_home() / "load" / f"{given.profile}-{time.strftime('%Y%m%d-%H%M%S')}.html"
    try:
        plan = LoadPlan(
            profile=given.profile,
            seconds=given.seconds,
            users=given.users,
            requests=given.requests,
            seed=given.seed,
            models=given.models,
            objectives=given.objectives and given.objectives.absolute(),
            summary=report.absolute().with_suffix(".json"),
            own_host=given.own_host,
        )
        require_local_host(given.url, given.own_host)
        known = collection.here().cards
        models = plan.asked(known)
        check_objectives(plan, known)
        if given.worker:
            options = ["--worker", "--master-host", given.master_host, "--master-port", str(given.master_port)]
            return generator.run_locust(None, plan, options)
        return load(given, plan, models, report.absolute())
    except PlanRefused as refused:
        CONSOLE.print(f"[red]{refused}[/]", highlight=False)
        return 2


def check_objectives(plan: LoadPlan, models: Collection[str]) -> None:
    """Report unreadable objectives before the load instead of after it."""
    try:
        objectives.read(plan.objectives, models)
    except (OSError, ValueError, YAMLError) as error:
        raise PlanRefused(f"{plan.objectives or objectives.FILE} holds no objectives: {error}") from error


def load(given: argparse.Namespace, plan: LoadPlan, models: Collection[str], report: Path) -> int:
    profile = PROFILES[plan.profile]
    most = None if given.no_ceiling or given.master else generator.ceiling(plan, given.processes)
    with ExitStack() as stack:
        url, service = given.url, None
        if not is_ready(url, models):
            service = start_service(url, models, stack)
            url = service.url
        if profile.kills_every is not None and service is None:
            raise PlanRefused(f"{plan.profile} kills runners, and only those of a service that it started itself")
        before = service.megabytes() if service else 0.0
        killer = start_killer(service, profile, stack)
        bound = None if given.web else generator.bound(profile, plan)
        code = generator.run_locust(url, plan, options(given, report), seconds=bound)
        if killer is not None:
            killer.stop()
            CONSOLE.print(f"killed: {', '.join(map(str, killer.kills)) or 'none'}", highlight=False)
            code = code if killer.kills else code or 1
        if service is not None:
            CONSOLE.print(f"memory of the service: {before:,.0f} MB before, {service.megabytes():,.0f} MB after")
    if most is not None and plan.summary is not None and plan.summary.exists():
        content = json.loads(plan.summary.read_text(encoding="utf-8"))
        CONSOLE.print(generator.compare_to_ceiling(content["per_second"], most), highlight=False)
        plan.summary.write_text(json.dumps({**content, "ceiling_per_second": most}, indent=2), encoding="utf-8")
    CONSOLE.print(f"report: {report}", highlight=False, soft_wrap=True)
    return code


def start_service(url: str, models: Collection[str], stack: ExitStack) -> ServiceProcess:
    if not is_local(urlsplit(url).hostname or ""):
        raise PlanRefused(f"no service is ready at {url}")
    CONSOLE.print(f"no service is ready at {url}: starting one", highlight=False)
    service = stack.enter_context(ServiceProcess(models))
    CONSOLE.print(f"it serves at {service.url}; its log is {service.log}", highlight=False, soft_wrap=True)
    return service


def start_killer(service: ServiceProcess | None, profile: type[LoadProfile], stack: ExitStack) -> RunnerKiller | None:
    if service is None or profile.kills_every is None:
        return None
    killer = RunnerKiller(service, profile.kills_every)
    killer.start()
    stack.callback(killer.stop)
    return killer


def options(given: argparse.Namespace, report: Path) -> list[str]:
    """Locust's own options."""
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
