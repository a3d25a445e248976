"""A model by its card, by its name, and as an attribute of a client class."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jubako.card import Prediction
from jubako.client import AsyncClient, Client, RowsRejected, UnknownModel, predictor
from jubako.client.schema import float_columns, integer_columns, published_schema
from jubako.client.testing import MockService
from tests.engine.client.cards import BY_NAME, CARDS, CUSTOMER, FLOWER, PNG, REVIEW, ROW, FlowerPrediction
from tests.reading import ROOT


class Shop(Client):
    flowers = predictor(FLOWER)
    reviews = predictor(REVIEW)


class AsyncShop(AsyncClient):
    flowers = predictor(FLOWER)


@pytest.fixture
def service() -> MockService:
    return MockService(CARDS)


@pytest.fixture
def client(service: MockService) -> Client:
    return Client("http://mock", transport=service)


def test_a_card_types_the_predictions(client: Client) -> None:
    assert isinstance(client.of(FLOWER).predict(ROW)[0], FlowerPrediction)


def test_a_name_without_a_card_is_answered_by_the_service_alone(client: Client, service: MockService) -> None:
    answer = client.flower.predict(ROW)[0]
    assert isinstance(answer, Prediction)
    assert answer.kind in answer.probabilities
    with pytest.raises(ValueError, match="frozen"):
        answer.kind = "rose"
    client.flower.predict(ROW)
    assert [request.method for request in service.requests] == ["GET", "POST", "POST"]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_published_schema_takes_what_the_card_takes(client: Client, name: str) -> None:
    card = BY_NAME[name]
    schema = client.schema(name)
    assert (schema.columns, schema.media, schema.batching.max_rows) == (card.columns, card.media, 1024)
    assert integer_columns(schema) == integer_columns(card)
    assert float_columns(schema) == float_columns(card)
    rows: Any = PNG if card.media == "files" else [card.row(**example) for example in card.examples]
    assert len(client.of(name).predict(rows)) in (1, 2)


def test_a_frame_and_a_text_need_no_card(client: Client) -> None:
    frame = pd.DataFrame([{**example, "months": 2.0} for example in CUSTOMER.examples])
    assert len(client.customer.predict(frame)) == 2
    assert len(client.review.predict(["one", "two"])) == 2


def test_a_published_schema_checks_types_choices_and_limits(client: Client, service: MockService) -> None:
    wrong = [{**ROW, "bud": -1.0}, {**ROW, "stem": "long"}, {**ROW, "colour": "red"}]
    with pytest.raises(RowsRejected) as caught:
        client.flower.predict(wrong, check=True)
    assert [error.loc[1:] for error in caught.value.errors] == [(0, "bud"), (1, "stem"), (2, "colour")]
    with pytest.raises(RowsRejected):
        client.customer.predict({**CUSTOMER.examples[0], "contract": "Never"}, check=True)
    with pytest.raises(RowsRejected):
        client.customer.predict({**CUSTOMER.examples[0], "charges": -1.0}, check=True)
    assert {request.method for request in service.requests} == {"GET"}


def test_a_published_schema_leaves_what_it_cannot_express_to_the_service() -> None:
    facts = Client("http://m", transport=MockService(CARDS)).model("flower")
    nested = facts.model_copy(update={"row_schema": {"properties": {"stem": {"$ref": "#/$defs/Stem"}}}})
    published_schema(nested).row.model_validate({"stem": [1, 2, 3]})


def test_an_unknown_name_lists_the_models_of_the_service(client: Client) -> None:
    with pytest.raises(UnknownModel) as caught:
        client.rose.predict(ROW)
    assert str(caught.value) == "http://mock has no model rose; it has flower, customer, review, photo"
    assert caught.value.known == tuple(BY_NAME)
    with pytest.raises(AttributeError, match="_private"):
        client._private  # noqa: B018


def test_an_attribute_alone_sends_nothing(client: Client, service: MockService) -> None:
    assert repr(client.flower) == "<Predictor of flower at http://mock>"
    assert not service.requests


def test_a_class_of_ones_own_has_its_models_as_attributes(service: MockService) -> None:
    shop = Shop("http://mock", transport=service)
    assert isinstance(shop.flowers.predict(ROW)[0], FlowerPrediction)
    assert len(shop.reviews.predict(["one", "two"])) == 2
    assert Shop.flowers.card is FLOWER
    assert {request.method for request in service.requests} == {"POST"}


def test_the_asynchronous_client_has_cards_names_and_attributes(service: MockService) -> None:
    async def predict() -> list[Any]:
        async with AsyncShop("http://mock", transport=service) as shop:
            with pytest.raises(UnknownModel, match="it has flower"):
                await shop.rose.predict(ROW)
            return [
                (await shop.flowers.predict(ROW))[0].kind,
                (await shop.of(FLOWER).predict(ROW))[0].kind,
                (await shop.flower.predict(ROW))[0].kind,
            ]

    assert len(set(asyncio.run(predict()))) == 1


def test_a_route_of_the_author_is_a_typed_call(service: MockService) -> None:
    service.answers["bouquet"] = lambda body: {"id": "1", "kind": "rose", "probabilities": {}, "body": body}
    client = Client("http://mock", transport=service)
    row = FLOWER.row(**ROW)
    answer = client.post("/v1/bouquet", {"first": row, "rest": [row]}, FlowerPrediction)
    assert answer.kind == "rose"
    assert client.post("/v1/bouquet", {"first": row}, dict)["body"] == {"first": ROW}


CARD_OF_A_STRANGER = """
from tests.engine.client.cards import FLOWER as CARD
"""
PROGRAM = """
from jubako.client import Client
from jubako.client.testing import MockService
service = MockService()
answer = Client("http://mock", transport=service).flower.predict({"stem": 5.1, "leaf": 3.5, "petal": 1.4, "bud": 0.2})
print(list(service.cards), type(answer[0]).__name__, len(service.requests))
"""


def test_a_name_is_first_a_card_of_the_repository_around(tmp_path: Path) -> None:
    """In a process of its own: the package ``bentos`` of this repository is imported already."""
    folder = tmp_path / "bentos" / "flower"
    folder.mkdir(parents=True)
    (folder / "card.py").write_text(CARD_OF_A_STRANGER)
    shutil.copy(ROOT / "bentos" / "__init__.py", tmp_path / "bentos")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["['flower']", "FlowerPrediction", "1"]
