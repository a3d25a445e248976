"""The rows of a load test are valid and varied, and equal seeds give equal rows."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import httpx
import pytest
from PIL import Image

from jubako.card import AnyCard
from jubako.client.testing import MockService
from jubako.collection import Collection
from jubako.load.pool import KNOWN, RequestPool
from jubako.load.rows import draw_function
from jubako.pictures import MAX_BYTES
from load_tests.draws import ROWS
from load_tests.texts import text
from tests.reading import ROOT

CARDS = Collection.found(ROOT).cards
JSON_CARDS = [card for card in CARDS.values() if card.media == "json"]


def drawn(card: AnyCard, rng: random.Random) -> Any:
    return draw_function(card, ROWS)(rng)


by_name = pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_every_row_fits_its_card(card: Any) -> None:
    rng = random.Random(3)
    for _ in range(500):
        card.row.model_validate_json(json.dumps(drawn(card, rng)))


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_numbers_stay_where_the_cards_signals_expect_them(card: Any) -> None:
    """A load test must not look like drift."""
    rng = random.Random(4)
    rows = [drawn(card, rng) for _ in range(500)]
    for signal in card.signals:
        if signal.kind == "number" and signal.name in card.columns:
            values = [one[signal.name] for one in rows if one[signal.name] is not None]
            assert signal.low <= min(values)
            assert max(values) <= signal.high
            assert len(set(values)) > 25


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_every_category_and_every_missing_value_comes_up(card: Any) -> None:
    rng = random.Random(5)
    rows = [drawn(card, rng) for _ in range(1_000)]
    for signal in card.signals:
        if signal.kind == "category" and signal.name in card.columns:
            assert {str(one[signal.name]) for one in rows} == set(signal.categories)
        elif signal.optional:
            assert any(one[signal.name] is None for one in rows)


def test_customers_without_a_service_have_none_of_its_extras() -> None:
    rng = random.Random(6)
    for _ in range(300):
        customer = drawn(CARDS["churn"], rng)
        offline = customer["internet_service"] == "No"
        assert (customer["streaming_tv"] == "No internet service") is offline
        assert (customer["multiple_lines"] == "No phone service") is (customer["phone_service"] == "No")


def test_texts_differ_in_words_and_length() -> None:
    rng = random.Random(7)
    texts = [text(rng) for _ in range(1_000)]
    lengths = sorted(map(len, texts))
    assert len(set(texts)) > 900
    assert lengths[50] < 60
    assert lengths[-50] > 250


def test_pictures_differ_in_format_and_size_and_can_be_read() -> None:
    files = RequestPool(CARDS["image"], seed=8, size=40, draws=ROWS).rows()
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    for picture in pictures:
        picture.load()
    assert {picture.format for picture in pictures} >= {"JPEG", "PNG"}
    assert len({picture.size for picture in pictures}) > 10
    assert max(map(len, files)) < MAX_BYTES


@by_name
def test_equal_seeds_make_equal_pools(card: Any) -> None:
    """Workers on other machines must know the same rows."""
    one, other, third = (RequestPool(card, seed, size=20, draws=ROWS) for seed in (1, 1, 2))
    assert one.rows() == other.rows()
    assert one.rows() != third.rows()


@by_name
def test_the_service_answers_each_request(card: Any) -> None:
    service = MockService()
    request = RequestPool(card, seed=9, size=30, draws=ROWS).request(5)
    answer = service.respond(
        httpx.Request("POST", f"http://mock{request.path}", headers=dict(request.headers), content=request.content)
    )
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 5


@by_name
def test_known_rows_are_mixed_among_the_others(card: Any) -> None:
    pool = RequestPool(card, seed=10, size=60, draws=ROWS)
    places = [place for _ in range(40) for place in pool.request(10).places]
    known = [place for place in places if place < KNOWN]
    assert 0.1 * len(places) < len(known) < 0.7 * len(places)
    assert len(set(places)) > KNOWN
