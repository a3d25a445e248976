"""The client against the real service, which answers as the mock does."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from jubako.client import AsyncClient, BadRequest, Client, NotFound, Retries, RowsRejected, UnknownModel, WrongMediaType
from jubako.client.http import Call, success
from jubako.client.testing import MockService
from jubako.commands.predict import predict
from jubako.load.checks import same_answer
from tests.five import CARDS

pytestmark = pytest.mark.slow


def inputs(name: str) -> list[Any]:
    """The examples of a card, as `predict` takes them."""
    examples = CARDS[name].examples
    if CARDS[name].media == "files":
        return [base64.urlsafe_b64decode(example["data"]) for example in examples]
    return [dict(example) for example in examples]


@pytest.fixture(scope="module")
def client(service_url: str) -> Iterator[Client]:
    with Client(service_url) as made:
        yield made


@pytest.mark.parametrize("name", CARDS)
def test_every_model_answers_every_example_by_its_own_name(client: Client, name: str) -> None:
    answers = client.of(CARDS[name]).predict(inputs(name))
    assert len(answers) == len(inputs(name))
    assert answers.model.name == name
    assert len({answer.id for answer in answers}) == len(answers)
    assert all(answer.id.startswith(f"{answers.model}:") for answer in answers)
    assert answers.timing.total is not None
    assert answers.timing.model is not None


@pytest.mark.parametrize("name", CARDS)
def test_the_async_client_gets_the_same_answers(client: Client, service_url: str, name: str) -> None:
    async def ask() -> list[dict[str, Any]]:
        async with AsyncClient(service_url) as other:
            return (await other.of(CARDS[name]).predict(inputs(name))).to_dicts()

    theirs = asyncio.run(ask())
    ours = client.of(CARDS[name]).predict(inputs(name)).to_dicts()
    for one, other in zip(ours, theirs, strict=True):
        assert one["id"] != other["id"]
        assert same_answer(one, other)


@pytest.mark.parametrize("name", CARDS)
def test_a_model_needs_no_card_here(
    client: Client, service_url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside the repository, the client reads what the service publishes."""
    monkeypatch.chdir(tmp_path)
    with Client(service_url) as stranger:
        schema = stranger.schema(name)
        assert not hasattr(schema, "gate")
        assert (schema.columns, schema.media, schema.batching.max_rows) == (
            CARDS[name].columns,
            CARDS[name].media,
            CARDS[name].batching.max_rows,
        )
        theirs = stranger.of(name).predict(inputs(name), check=True).to_dicts()
    for one, other in zip(client.of(CARDS[name]).predict(inputs(name)).to_dicts(), theirs, strict=True):
        assert same_answer(one, other)


def test_many_rows_come_back_in_their_order(client: Client) -> None:
    rng = np.random.default_rng(7)
    matrix = rng.uniform([4, 2, 1, 0.1], [8, 4.5, 7, 2.5], size=(1500, 4))
    together = client.iris.predict(matrix, rows_per_request=100)
    some = [0, 99, 100, 777, 1499]
    alone = [client.iris.predict(matrix[place])[0] for place in some]
    assert len(together.chunks) == 15
    for place, answer in zip(some, alone, strict=True):
        assert together[place].probabilities == pytest.approx(answer.probabilities, abs=1e-4)


def test_a_frame_with_gaps_is_answered(client: Client) -> None:
    frame = pd.DataFrame([dict(example) for example in CARDS["housing"].examples]).assign(truth=1.0)
    assert len(client.housing.predict(frame)) == len(frame)


def test_the_caller_keeps_the_request_id(client: Client) -> None:
    assert (
        client.iris.predict(dict(CARDS["iris"].examples[0]), request_id="order-66").chunks[0].request_id == "order-66"
    )


BAD: dict[str, list[Any]] = {
    "iris": [{"sepal_length": -1.0, "sepal_width": 3.5, "petal_length": "long"}],
    "housing": [{**CARDS["housing"].examples[0], "latitude": 80.0, "colour": "blue"}],
    "sentiment": ["fine", "   "],
    "churn": [{**CARDS["churn"].examples[0], "contract": "Ten years", "tenure_months": 2.5}],
    "image": [b""],
}


@pytest.mark.parametrize("name", BAD)
def test_the_mock_and_the_service_reject_the_same_places(client: Client, name: str) -> None:
    """Tests that were written against the mock stay true."""
    places = []
    for asked in (client, Client("http://mock", transport=MockService())):
        with pytest.raises(RowsRejected) as caught:
            asked.of(CARDS[name]).predict(BAD[name])
        assert caught.value.problem.from_service
        assert caught.value.request_id
        places.append({error.loc for error in caught.value.errors})
    assert places[0] == places[1]


def test_a_bad_row_late_in_a_long_call_is_named_by_its_number(client: Client) -> None:
    rows: list[Any] = [dict(CARDS["iris"].examples[0])] * 230 + [{}]
    with pytest.raises(RowsRejected) as caught:
        client.iris.predict(rows, rows_per_request=100)
    assert caught.value.errors[0].loc == ("inputs", 230, "sepal_length")


@pytest.mark.parametrize(
    ("content", "kind", "error"), [(b"{", "application/json", BadRequest), (b"<a/>", "application/xml", WrongMediaType)]
)
def test_what_the_client_never_sends_is_still_explained(
    client: Client, content: bytes, kind: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.send(Call("POST", "/v1/iris/predict", success, content, {"Content-Type": kind}))


def test_facts_lead_from_a_prediction_to_the_run_that_made_it(client: Client) -> None:
    for name in CARDS:
        answer = client.of(CARDS[name]).predict(inputs(name)[0])[0]
        model, version, _ = answer.id.split(":", 2)
        manifest = client.version(model, version)
        assert (manifest.name, manifest.version) == (name, version)
        assert manifest.run_id
        assert manifest.metrics
        assert client.model(name).version == version
    assert {facts.name for facts in client.models()} == set(CARDS)
    with pytest.raises(UnknownModel, match="it has"):
        client.roses.predict({})
    with pytest.raises(NotFound):
        client.version("iris", "never")
    with pytest.raises(NotFound):
        client.model("roses")


def test_feedback_is_joined_once_and_monitoring_counts_every_row(client: Client) -> None:
    answers = client.sentiment.predict(["Works perfectly.", "It broke."])
    truths: list[Any] = [(answers[0], "positive"), {"id": answers[1].id, "truth": "negative"}]
    assert client.feedback(truths).joined == 2
    assert client.feedback(truths).repeated == 2
    assert client.feedback([("sentiment:never:0.0", "positive")]).unknown == 1
    with pytest.raises(RowsRejected) as caught:
        client.feedback([(answers[0], "blue")])
    assert caught.value.errors[0].loc == ("feedback", 0, "truth")
    watched = client.monitoring("sentiment")
    counted = watched.accounting
    assert watched.name == "sentiment"
    assert counted is not None
    assert counted.received == counted.profiled + counted.dropped + counted.pending


def test_the_command_asks_the_service(service_url: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(inputs("churn")))
    result = CliRunner().invoke(predict, ["churn", str(file), "--url", service_url, "--output", "json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["predictions"]) == 2


SYNC = """
with bentoml.SyncHTTPClient(url) as client:
    for name, inputs in asked.items():
        answers[name] = getattr(client, name)(inputs=inputs)
"""

ASYNC = """
async def ask():
    async with bentoml.AsyncHTTPClient(url) as client:
        for name, inputs in asked.items():
            answers[name] = await getattr(client, name)(inputs=inputs)

asyncio.run(ask())
"""

AROUND = """
import asyncio, json, pathlib, sys
import bentoml

url, rows, folder = sys.argv[1:]
pictures = sorted(pathlib.Path(folder).glob("*.png"))
asked, answers = {name: one or pictures for name, one in json.loads(rows).items()}, {}
%s
print(json.dumps(answers))
"""


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["SyncHTTPClient", "AsyncHTTPClient"])
def test_bentomls_own_clients_work_for_every_model(service_url: str, program: str, tmp_path: Path) -> None:
    """In an interpreter of their own, as their users have it: they leave warnings behind that are errors here."""
    for place, content in enumerate(inputs("image")):
        (tmp_path / f"{place}.png").write_bytes(content)
    rows = {name: inputs(name) if CARDS[name].media == "json" else None for name in CARDS}
    command = [sys.executable, "-c", AROUND % program, service_url, json.dumps(rows), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, card in CARDS.items():
        assert answers[name]["model"]["name"] == name
        assert len(answers[name]["predictions"]) == 2
        for prediction in answers[name]["predictions"]:
            card.prediction.model_validate(prediction)


def test_an_address_without_a_service_is_reported_as_such(service_url: str) -> None:
    wrong = httpx.URL(service_url).copy_with(port=9)
    with pytest.raises(Exception, match="no service answers at"), Client(str(wrong), retries=Retries(times=0)) as lost:
        lost.models()
