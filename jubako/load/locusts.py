"""What a locustfile registers: the users of each model, the checks before a run and the verdict after it."""

from __future__ import annotations

import logging
from typing import Any

from locust import events
from locust.runners import MasterRunner, WorkerRunner
from rich.console import Console

from jubako.collection import Collection
from jubako.load import objectives, report
from jubako.load.plan import LoadPlan, require_local_host
from jubako.load.profiles import PROFILES, LoadProfile
from jubako.load.rows import collection_draws
from jubako.load.users import ModelUser, learn_answers, user_classes

log = logging.getLogger("load_tests")


def register(collection: Collection) -> dict[str, type[Any]]:
    """Listen to Locust's events, and return the classes that Locust looks for in the locustfile's names."""
    plan = LoadPlan.from_environment()
    models = plan.asked(collection.cards)
    profile = PROFILES[plan.profile]
    LoadProfile.plan, LoadProfile.models = plan, len(models)
    cards = {name: card for name, card in collection.cards.items() if name in models}
    users = user_classes(profile, plan.seed, cards, collection_draws())
    load = LoadTest(plan, collection, users)
    events.init.add_listener(load.check_host)  # type: ignore[no-untyped-call]
    events.test_start.add_listener(load.start)  # type: ignore[no-untyped-call]
    events.quitting.add_listener(load.judge)  # type: ignore[no-untyped-call]
    return {profile.__name__: profile, **users}


class LoadTest:
    def __init__(self, plan: LoadPlan, collection: Collection, users: dict[str, type[ModelUser]]) -> None:
        self.plan = plan
        self.collection = collection
        self.users = users

    def check_host(self, environment: Any, **_: Any) -> None:
        if environment.host:
            require_local_host(environment.host, self.plan.own_host)

    def start(self, environment: Any, **_: Any) -> None:
        """Every process that sends learns the known answers itself; a master sends nothing."""
        if isinstance(environment.runner, MasterRunner):
            return
        try:
            require_local_host(environment.host, self.plan.own_host)
            learn_answers(self.users, environment.host)
        except Exception as error:
            log.error("the run did not start: %s", error)
            environment.process_exit_code = 1
            environment.runner.quit()

    def judge(self, environment: Any, **_: Any) -> None:
        """Workers only send: the process with all numbers judges them."""
        if isinstance(environment.runner, WorkerRunner):
            return
        plan = self.plan
        found = report.measurements(environment.stats)
        models = plan.asked(self.collection.cards)
        wanted = objectives.read(plan.objectives, self.collection.cards).of(plan.profile, models)
        missed = objectives.misses(wanted, found) if plan.judged else []
        errors = report.errors_of(environment)
        if plan.summary is not None:
            report.write(plan.summary, plan.profile, found, missed, errors)
        if plan.judged:
            report.show(found, wanted, missed, errors, Console())
        broken = bool(environment.process_exit_code or environment.runner.exceptions)
        environment.process_exit_code = int(bool(missed) or broken)
