"""The description of the interface is true: whatever it allows is answered as it says, and its examples work."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import plain_http
from tests.five import CARDS
from tests.reading import ROOT

pytestmark = pytest.mark.slow


#: In a process of its own: composing a service patches BentoML there, for good.
DESCRIBE = """
import json
from bentos.service import Jubako
from jubako.gateway.openapi import describe
from jubako.gateway.own_routes import own_routes
made = Jubako.composition
print(json.dumps(describe(made.collection, own_routes(object(), list(Jubako.apis.values())), made.description)))
"""


@cache
def described() -> dict[str, Any]:
    """The same description that ``/docs.json`` gives."""
    done = subprocess.run([sys.executable, "-c", DESCRIBE], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


schema = schemathesis.openapi.from_dict(described())


@schema.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_description_names(case: Any, service_url: str) -> None:
    case.call_and_validate(
        base_url=service_url,
        checks=[not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance],
    )


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.media == "json"])
def test_the_examples_work_when_tried(name: str, service_url: str) -> None:
    told = plain_http.get(f"{service_url}/docs.json").json()
    assert told == described()
    example = told["paths"][f"/v1/{name}/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    answer = plain_http.post(f"{service_url}/v1/{name}/predict", json=example, timeout=30)
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == len(example["inputs"])


def test_the_page_loads_nothing_from_outside(service_url: str) -> None:
    """BentoML's own page loads a tracker from the network."""
    page = plain_http.get(f"{service_url}/").text
    assert "http://" not in page
    assert "https://" not in page
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert plain_http.get(f"{service_url}/static_content/{asset}").status_code == 200
