"""The image, as users build and start it: small, not root, and as hard to hurt as the service on a plain machine.

``make test-container``. It needs docker, podman or buildah, and an image of Python to start from; it says which of them
is missing when it does not run, and fails for it when an engine was asked for by name.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.image import findings
from deploy.image.layers import Image, inspect
from tests.asking import versions_that_answer
from tests.bentos_built import built, copy_of_the_repository, packed, place
from tests.chaos.traffic import callers, questions
from tests.conftest import TrainedHome
from tests.deploy import containers
from tests.deploy.containers import STATE, Served
from tests.five import CARDS
from tests.homes import Home
from tests.reading import ROOT
from tests.serving import free_port

pytestmark = [pytest.mark.slow, pytest.mark.container, pytest.mark.timeout(900)]

IMAGE = "localhost/jubako-under-test:latest"
#: Chroot is the isolation that works wherever buildah does, also inside a container.
FOR_BUILDAH = {"BUILDAH_FORMAT": "docker", "BUILDAH_ISOLATION": "chroot"}


@pytest.fixture(scope="module")
def engine() -> str:
    name, why_not = containers.engine()
    if not name:
        (pytest.fail if os.environ.get("BACKEND") else pytest.skip)(why_not)
    return name


@pytest.fixture(scope="module")
def store(engine: str, trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(*CARDS).copy(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def tag(store: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    repository = copy_of_the_repository(tmp_path_factory.mktemp("repository"))
    name = built(repository, store)
    shutil.rmtree(repository)
    return name


@pytest.fixture(scope="module")
def image(engine: str, store: Home, tag: str) -> Iterator[str]:
    """Made by ``bentoml containerize``, with nothing of ours beside it."""
    options = [] if engine == "docker" else ["--opt", "network=host", "--opt", "pull-never"]
    command = [sys.executable, "-m", "bentoml", "containerize", tag, "--backend", engine, "-t", IMAGE, *options]
    environment = {**FOR_BUILDAH, **store.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
    yield IMAGE
    containers.call(engine, "rmi", "--force", IMAGE)


@pytest.fixture(scope="module")
def inspected(engine: str, image: str) -> Image:
    return inspect(image, engine)


@contextmanager
def started(engine: str, image: str, folder: Path) -> Iterator[Served]:
    running = containers.start(engine, image, folder / "state", free_port())
    try:
        running.wait(200)
        yield running
    finally:
        running.container.remove()


@pytest.fixture(scope="module")
def served(engine: str, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with started(engine, image, tmp_path_factory.mktemp("served")) as running:
        yield running


def test_the_image_holds_the_locked_packages_no_secret_and_is_small(inspected: Image) -> None:
    """The lock has neither CUDA nor anything that trains; a test of the lock says so."""
    assert findings.differences(inspected, (ROOT / "requirements-serve.lock").read_text()) == []
    assert findings.leaks(inspected) == []
    assert inspected.size < findings.MOST_BYTES


def test_the_image_itself_says_who_runs_it_and_when_it_is_well(inspected: Image) -> None:
    config = inspected.config["config"]
    assert config["User"] == "bentoml"
    assert "/readyz" in config["Healthcheck"]["Test"][-1]


def test_all_five_answer_with_the_packed_versions(served: Served, store: Home, tag: str) -> None:
    assert versions_that_answer(served.url) == packed(place(tag, store))


def test_it_is_not_root_and_can_write_only_where_it_is_given_a_place(served: Served) -> None:
    tried = "/, /home/bentoml, /home/bentoml/bento, /app, /tmp, " + STATE
    seen = served.python(
        "import json, os; "
        f"print(json.dumps([os.getuid(), [p for p in '{tried}'.split(', ') "
        "if os.access(p, os.W_OK) and not os.statvfs(p).f_flag & os.ST_RDONLY]]))"
    )
    assert seen == [int(containers.USER), ["/tmp", STATE]]  # noqa: S108 - inside


def test_the_health_check_says_what_readyz_says(served: Served, inspected: Image) -> None:
    kind, command = inspected.config["config"]["Healthcheck"]["Test"]
    assert kind == "CMD-SHELL"
    assert served.container.execute("sh", "-c", command).returncode == 0
    assert served.container.execute("env", "PORT=9", "sh", "-c", command).returncode != 0


def test_the_commands_of_the_runbook_work_inside(served: Served, store: Home, tag: str) -> None:
    """``docker exec NAME jubako check``: nothing is installed there, and the versions are beside the code."""
    assert tag in served.container.execute("jubako", "--version").stdout
    assert served.container.execute("jubako", "check", "--port", str(free_port())).returncode == 0
    listed = served.container.execute("jubako", "models").stdout
    assert all(version in listed for version in packed(place(tag, store)).values())


#: As in the container's own table of processes: the one that waits first, the one that serves last.
RUNNERS = """
import json, psutil
found = psutil.process_iter(["cmdline"])
print(json.dumps(sorted(one.pid for one in found if {"--service-name", "churn"} <= set(one.info["cmdline"] or ()))))
"""
DEAD = """
import json, psutil
print(json.dumps([one.pid for one in psutil.process_iter(["status"]) if one.info["status"] == "zombie"]))
"""


def test_a_killed_runner_comes_back_and_nobody_notices(
    served: Served, store: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BentoML itself gives up a worker that dies in a container. Here both its processes are killed, one by one."""
    store.use(monkeypatch)
    asked = questions(list(CARDS), 500, seed=20)

    async def under_load() -> dict[str, int]:
        async with callers(served.url) as crowd:
            load = asyncio.create_task(crowd.for_seconds(asked, 8, 3600))
            for which in (-1, 0):
                await asyncio.sleep(1)
                await asyncio.to_thread(_kill_one, served, which)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            return {**crowd.seen.statuses, "wrong": crowd.seen.wrong}

    seen = asyncio.run(under_load())
    assert seen.pop("200") > 100
    assert not any(seen.values()), seen
    _until(lambda: not served.python(DEAD), "the dead are buried, though no init does it", served)


def _kill_one(served: Served, which: int) -> None:
    """Until another process of this runner is there, and the service is ready."""
    before = served.python(RUNNERS)
    served.python(f"import os; os.kill({before[which]}, 9); print(1)")

    def is_replaced() -> bool:
        now = served.python(RUNNERS)
        return len(now) == len(before) and before[which] not in now

    _until(is_replaced, f"{before[which]} of {before} is replaced", served)
    served.wait(200)


def _until(holds: Callable[[], bool], what: str, served: Served) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, f"not seen: {what}\n{served.container.log()[-4000:]}"
        time.sleep(0.2)


def test_a_stop_answers_what_was_accepted_and_keeps_every_profile(
    engine: str, image: str, store: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.use(monkeypatch)
    asked = questions(["iris", "churn"], 200, seed=21)

    async def until_it_is_gone(served: Served) -> tuple[int, dict[str, int]]:
        async with callers(served.url) as crowd:
            load = asyncio.create_task(crowd.for_seconds(asked, 8, 3600))
            await asyncio.sleep(2)
            status = await asyncio.to_thread(served.container.stop)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            return status, {**crowd.seen.statuses, "wrong": crowd.seen.wrong}

    with started(engine, image, tmp_path) as served:
        status, seen = asyncio.run(until_it_is_gone(served))
    assert status == 0
    refused = {"ClientConnectorError"}  # after the door was closed
    assert not {what: count for what, count in seen.items() if count and what not in {"200", *refused}}
    assert _profiled_rows(served.state) == seen["200"]


def _profiled_rows(state: Path) -> int:
    from jubako.monitoring.record.profiles import Profile

    return sum(Profile.read(file.read_bytes()).rows for file in (state / "monitoring" / "profiles").rglob("*Z-*.bin"))
