"""What the load asks about is valid, varied and the same for the same seed."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import httpx
import pytest
from PIL import Image

from bentos.cards import CARDS
from jubako.client.testing import MockService
from jubako.load.questions import KNOWN, Deck
from jubako.load.rows import row
from jubako.load.texts import text
from jubako.pictures import MAX_BYTES

JSON_CARDS = [card for card in CARDS.values() if card.media == "json"]
by_name = pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_every_row_fits_its_card(card: Any) -> None:
    rng = random.Random(3)
    for _ in range(500):
        card.row.model_validate_json(json.dumps(row(card, rng)))


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_numbers_stay_where_the_cards_signals_expect_them(card: Any) -> None:
    """A load test must not look like drift."""
    rng = random.Random(4)
    drawn = [row(card, rng) for _ in range(500)]
    for signal in card.signals:
        if signal.kind == "number" and signal.name in card.columns:
            values = [one[signal.name] for one in drawn if one[signal.name] is not None]
            assert signal.low <= min(values)
            assert max(values) <= signal.high
            assert len(set(values)) > 25


@pytest.mark.parametrize("card", JSON_CARDS, ids=lambda card: card.name)
def test_every_category_and_every_missing_value_comes_up(card: Any) -> None:
    rng = random.Random(5)
    drawn = [row(card, rng) for _ in range(1_000)]
    for signal in card.signals:
        if signal.kind == "category" and signal.name in card.columns:
            assert {str(one[signal.name]) for one in drawn} == set(signal.categories)
        elif signal.optional:
            assert any(one[signal.name] is None for one in drawn)


def test_customers_without_a_service_have_none_of_its_extras() -> None:
    rng = random.Random(6)
    for _ in range(300):
        customer = row(CARDS["churn"], rng)
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
    files = Deck(CARDS["image"], seed=8, size=40).rows()
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    for picture in pictures:
        picture.load()
    assert {picture.format for picture in pictures} >= {"JPEG", "PNG"}
    assert len({picture.size for picture in pictures}) > 10
    assert max(map(len, files)) < MAX_BYTES


@by_name
def test_equal_seeds_make_equal_decks(card: Any) -> None:
    """Workers on other machines must know the same rows."""
    one, other, third = (Deck(card, seed, size=20) for seed in (1, 1, 2))
    assert one.rows() == other.rows()
    assert one.rows() != third.rows()


@by_name
def test_a_question_is_a_request_that_the_service_answers(card: Any) -> None:
    service = MockService()
    question = Deck(card, seed=9, size=30).ask(5)
    answer = service.respond(
        httpx.Request("POST", f"http://mock{question.path}", headers=dict(question.headers), content=question.content)
    )
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 5


@by_name
def test_known_rows_are_mixed_among_the_others(card: Any) -> None:
    deck = Deck(card, seed=10, size=60)
    places = [place for _ in range(40) for place in deck.ask(10).places]
    known = [place for place in places if place < KNOWN]
    assert 0.1 * len(places) < len(known) < 0.7 * len(places)
    assert len(set(places)) > KNOWN
