"""Whole runs of Locust, against the mock service behind a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from jubako.client.testing import MockService
from jubako.collection import Collection
from jubako.load.generator import ceiling
from jubako.load.plan import LoadPlan
from jubako.load.service import free_port
from tests.fake_service import FakeService
from tests.reading import ROOT

pytestmark = pytest.mark.slow

CARDS = Collection.found(ROOT).cards
#: No errors, and any time: these tests are about the runs, not about this machine.
PATIENT = yaml.safe_dump(
    {"every": {name: {"p50": 60_000.0, "p95": 60_000.0, "p99": 60_000.0, "error_rate": 0.0} for name in CARDS}}
)

#: Workers learn the known answers while the master's clock already runs.
LONGER = ("--seconds", "10")


def command(folder: Path, url: str, *options: str) -> list[str]:
    patient = folder / "objectives.yaml"
    patient.write_text(PATIENT, encoding="utf-8")
    report = ["--report", str(folder / "run.html"), "--no-ceiling", "--seed", "1", "--objectives", str(patient)]
    return [
        sys.executable,
        "-m",
        "jubako.load",
        "--url",
        url,
        "--profile",
        "smoke",
        "--seconds",
        "4",
        *report,
        *options,
    ]


def run(folder: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JUBAKO_HOME": str(folder), "COLUMNS": "160"}
    return subprocess.run(
        command(folder, url, *options),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeService]:
    with FakeService() as service:
        yield service


def test_a_good_run_exits_with_zero_and_leaves_a_report_with_plots(fake: FakeService, tmp_path: Path) -> None:
    done = run(tmp_path, fake.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every objective was met" in done.stdout
    report = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<html" in report
    assert "echarts" in report
    summary = json.loads((tmp_path / "run.json").read_text())
    assert set(summary["models"]) == set(CARDS)
    assert all(model["requests"] > 3 and model["failures"] == 0 for model in summary["models"].values())


def test_a_run_that_misses_objectives_names_their_models(fake: FakeService, tmp_path: Path) -> None:
    hasty = tmp_path / "hasty.yaml"
    hasty.write_text(PATIENT.replace("60000.0", "0.001"), encoding="utf-8")
    done = run(tmp_path, fake.url, "--objectives", str(hasty))
    assert done.returncode == 1
    assert all(f"missed: {name}: p50 was" in done.stdout for name in CARDS)


def test_unreadable_objectives_are_reported_before_the_load(fake: FakeService, tmp_path: Path) -> None:
    done = run(tmp_path, fake.url, "--objectives", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert "none.yaml holds no objectives" in done.stdout


class Swapping(MockService):
    """Once there is load, it gives iris rows the answers of other rows, with 200 and everything else right."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0

    def _predict(self, card: Any, request: httpx.Request, request_id: str) -> httpx.Response:
        answer = super()._predict(card, request, request_id)
        self._seen += card.name == "iris"
        if card.name != "iris" or self._seen <= 16:
            return answer
        body = answer.json()
        for one in body["predictions"]:
            other = dict.fromkeys(one["probabilities"], 0.0) | {
                "setosa" if one["species"] != "setosa" else "virginica": 1.0
            }
            one |= {"species": max(other, key=lambda name: other[name]), "probabilities": other}
        return httpx.Response(200, json=body, headers={"X-Model": answer.headers["X-Model"]})


def test_answers_of_other_rows_are_found_though_they_are_200(tmp_path: Path) -> None:
    with FakeService(Swapping()) as liar:
        done = run(tmp_path, liar.url, "--users", "25")
    assert done.returncode == 1
    assert "iris: not this row's answer" in done.stdout
    assert "missed: iris:" in done.stdout
    assert "missed: housing" not in done.stdout


class Refusing(MockService):
    """Once there is load, it has no time for churn."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0

    def _predict(self, card: Any, request: httpx.Request, request_id: str) -> httpx.Response:
        self._seen += card.name == "churn"
        if self._seen > 16 and card.name == "churn":
            self.fail(503, retry_after=1)
            return self._failures.pop()  # type: ignore[return-value]
        return super()._predict(card, request, request_id)


def test_refusals_make_a_run_fail_and_are_named(tmp_path: Path) -> None:
    with FakeService(Refusing()) as refusing:
        done = run(tmp_path, refusing.url)
    assert done.returncode == 1
    assert "churn: 503 Service Unavailable" in done.stdout
    assert "missed: churn: 100% of the requests failed" in done.stdout


def test_a_wrong_answer_without_load_ends_the_run_at_once(tmp_path: Path) -> None:
    with FakeService(MockService(answers={"churn": lambda _row: {"will_churn": True}})) as broken:
        done = run(tmp_path, broken.url)
    assert done.returncode == 1
    assert "churn answers one row wrongly, without any load" in done.stdout + done.stderr


def test_workers_send_and_the_master_judges(fake: FakeService, tmp_path: Path) -> None:
    port = str(free_port())
    worker = subprocess.Popen(
        [sys.executable, "-m", "jubako.load", "--worker", "--profile", "smoke", "--seed", "1", "--master-port", port],
        cwd=ROOT,
    )
    try:
        done = run(tmp_path, fake.url, "--master", "--expect-workers", "1", "--master-port", port, *LONGER)
        assert done.returncode == 0, done.stdout + done.stderr
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait(10)
    summary = json.loads((tmp_path / "run.json").read_text())
    assert all(model["requests"] > 3 for model in summary["models"].values())


def test_several_processes_of_one_machine_are_judged_together(fake: FakeService, tmp_path: Path) -> None:
    done = run(tmp_path, fake.url, "--processes", "2", "--users", "10", *LONGER)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_web_page_is_there_when_asked_for(fake: FakeService, tmp_path: Path) -> None:
    from jubako.load.__main__ import arguments, options

    given = arguments().parse_args(["--web", "--report", str(tmp_path / "web.html")])
    words = options(given, tmp_path / "web.html")
    assert "--headless" not in words
    port = free_port()
    locust = [sys.executable, "-m", "locust", "-f", "load_tests/locustfile.py", "--host", fake.url, *words]
    environment = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    process = subprocess.Popen([*locust, "--web-port", str(port)], cwd=ROOT, env=environment)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=6)) as http:
            page = http.get(f"http://127.0.0.1:{port}/")
        assert page.status_code == 200
    finally:
        process.terminate()
        process.wait(30)


def test_chaos_refuses_a_service_that_it_did_not_start(fake: FakeService, tmp_path: Path) -> None:
    done = run(tmp_path, fake.url, "--profile", "chaos")
    assert done.returncode == 2
    assert "only those of a service that it started itself" in done.stdout


def test_another_machine_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    done = run(tmp_path, "http://192.0.2.1:3000")
    assert done.returncode == 2
    assert "--i-own-this-host" in done.stdout


def test_plain_locust_refuses_it_too(tmp_path: Path) -> None:
    words = ["-f", "load_tests/locustfile.py", "--headless", "--host", "http://192.0.2.1:3000"]
    environment = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    done = subprocess.run(
        [sys.executable, "-m", "locust", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "--i-own-this-host" in done.stdout + done.stderr


def test_the_ceiling_is_a_number_of_this_machine() -> None:
    assert ceiling(LoadPlan()) > 0
