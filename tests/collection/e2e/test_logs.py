"""The id of a request that failed is in the log of the gateway and of the runner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.chaos.faults import BAD_LENGTHS
from tests.conftest import TrainedHome
from tests.serving import RunningService, examples

pytestmark = pytest.mark.slow
GOOD = examples("iris")[:1]


def lines(service: RunningService) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def faulty(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    home, folder = trained_home("iris"), tmp_path_factory.mktemp("faulty")
    service = RunningService(home.bentoml, folder, target="tests.chaos.faulty:Jubako", env={"FAULT": "by_row"})
    try:
        service.start(ready=False)
        service.wait(503)  # the other four have no version here
        service.until_answered("iris", GOOD)
        yield service
    finally:
        service.stop()


@pytest.mark.parametrize("fault", ["raises", "too_few"])
def test_a_failed_request_is_found_by_its_id_in_both_logs(fault: str, faulty: RunningService) -> None:
    asked = [(f"good-{fault}-{n}", GOOD) for n in range(15)]
    asked.insert(7, (f"bad-{fault}", [{**GOOD[0], "sepal_length": BAD_LENGTHS[fault]}]))
    with ThreadPoolExecutor(16) as threads:
        ask = lambda one: faulty.predict("iris", one[1], headers={"x-request-id": one[0]}).status_code  # noqa: E731
        statuses = dict(zip([name for name, _ in asked], threads.map(ask, asked), strict=True))
    assert statuses[f"bad-{fault}"] == 500
    told = lines(faulty)
    mine = [line for line in told if found(line, f"bad-{fault}")]
    by_service = {name: [line for line in mine if line["service"] == name] for name in ("jubako", "iris")}
    assert by_service["iris"], "the runner's log says what was raised"
    (ended,) = [line for line in by_service["jubako"] if line.get("request_id") == f"bad-{fault}"]
    assert (ended["level"], ended["status"], ended["model"]) == ("error", 500, "iris")
    if fault == "raises":
        assert "too much for me" in by_service["iris"][-1]["message"]
        innocent = [line for line in told if str(line.get("request_id", "")).startswith(f"good-{fault}-")]
        assert not innocent, "who was answered is nobody's failure"


def found(line: dict[str, Any], request: str) -> bool:
    return line.get("request_id") == request or request in line.get("request_ids", ())
