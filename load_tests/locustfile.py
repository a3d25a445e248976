"""What Locust loads: ``python -m jubako.load`` does, and ``locust -f load_tests/locustfile.py`` works as well."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

# Locust puts the file's own folder first; the project's is the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from locust import events
from locust.runners import MasterRunner, WorkerRunner
from rich.console import Console

from jubako.load import measuring, objectives
from jubako.load.plan import Order, refuse_strangers
from jubako.load.profiles import PROFILES, Profile
from jubako.load.users import callers, learn

log = logging.getLogger("load_tests")

ORDER = Order.read()
Profile.order = ORDER
PROFILE = PROFILES[ORDER.profile]
CALLERS = callers(PROFILE, ORDER.seed, ORDER.asked)

# Locust looks for its classes by name in this module.
globals().update(CALLERS)


def refuse(environment: Any, **_: Any) -> None:
    if environment.host:
        refuse_strangers(environment.host, ORDER.own_host)


def before_the_load(environment: Any, **_: Any) -> None:
    """Every process that sends learns the known answers itself; a master sends nothing."""
    if isinstance(environment.runner, MasterRunner):
        return
    try:
        refuse_strangers(environment.host, ORDER.own_host)
        learn(CALLERS, environment.host)
    except Exception as error:
        log.error("the run did not start: %s", error)
        environment.process_exit_code = 1
        environment.runner.quit()


def judge(environment: Any, **_: Any) -> None:
    """Only who has everybody's numbers judges them."""
    if isinstance(environment.runner, WorkerRunner):
        return
    found = measuring.measured(environment.stats)
    wanted = {
        name: one for name, one in objectives.read(ORDER.objectives).of(ORDER.profile).items() if name in ORDER.asked
    }
    missed = objectives.misses(wanted, found) if ORDER.judged else []
    troubles = measuring.troubles(environment)
    if ORDER.summary is not None:
        measuring.write(ORDER.summary, ORDER.profile, found, missed, troubles)
    if ORDER.judged:
        measuring.show(found, wanted, missed, troubles, Console())
    broken = bool(environment.process_exit_code or environment.runner.exceptions)
    environment.process_exit_code = int(bool(missed) or broken)


events.init.add_listener(refuse)  # type: ignore[no-untyped-call]
events.test_start.add_listener(before_the_load)  # type: ignore[no-untyped-call]
events.quitting.add_listener(judge)  # type: ignore[no-untyped-call]
