"""Each patch beside plain BentoML: the same question asked in an interpreter with it and in one without.

When an answer of plain BentoML changes, a patch may have become needless: these tests then fail and say so.
What needs a running service is in ``tests/chaos``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

RESPAWN = """
from bentoml._internal.utils.circus import create_standalone_arbiter
from bentoml.serving import create_watcher
watcher = create_watcher(name="service", cmd="true", args=[])
arbiter = create_standalone_arbiter([watcher])
answer = [watcher.respawn, arbiter.check_delay <= 1, watcher.graceful_timeout <= 10]
"""

METRICS = """
from bentoml._internal.configuration.containers import BentoMLContainer
answer = BentoMLContainer.prometheus_multiproc_dir.get()
"""


def ask(question: str, patched: bool, **env: str) -> Any:
    import os

    first = "from jubako import compat; compat.apply()\n" if patched else ""
    program = f"{first}{question}\nimport json; print(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **env},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("patched", "answer"), [(False, [False, False, False]), (True, [True, True, True])], ids=["plain", "patched"]
)
def test_dead_workers_come_back_soon_in_a_container_too(patched: bool, answer: list[bool]) -> None:
    assert ask(RESPAWN, patched, BENTOML_CONTAINERIZED="true") == answer


@pytest.mark.parametrize(("patched", "shared"), [(False, True), (True, False)], ids=["plain", "patched"])
def test_two_servers_with_one_store_have_two_folders_of_metrics(patched: bool, shared: bool) -> None:
    assert (ask(METRICS, patched) == ask(METRICS, patched)) == shared
