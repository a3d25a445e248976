"""Made reviews: equal for equal seeds, all different, about as many good as bad, and broad enough to teach."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from training.data.grammar import Grammar, Voice
from training.data.reviews import LABEL_NOISE, Review, ReviewMaker

BY_HAND = Path(__file__).with_name("reviews_by_hand.tsv")


@cache
def made(seed: int = 7, size: int = 4_000) -> tuple[Review, ...]:
    return tuple(ReviewMaker(seed).make(size))


def spelt(text: str) -> str:
    return re.sub(r"\W+", " ", text).casefold().strip()


def test_equal_seeds_make_equal_reviews_and_other_seeds_others() -> None:
    assert ReviewMaker(3).make(200) == ReviewMaker(3).make(200) != ReviewMaker(4).make(200)


def test_no_review_stands_twice() -> None:
    assert len({spelt(review.text) for review in made()}) == len(made())


def test_good_and_bad_reviews_are_about_as_many() -> None:
    assert 0.45 < sum(review.label for review in made()) / len(made()) < 0.55


def test_a_few_labels_are_wrong_as_in_life() -> None:
    assert 0 < LABEL_NOISE < 0.05


def test_every_pattern_can_be_said_without_a_slot_left_open() -> None:
    grammar, rng = Grammar(), random.Random(1)
    for name in grammar.sections:
        for _ in range(20):
            said = grammar.say(name.partition("@")[0], Voice(rng, name.partition("@")[2] or "phone"))
            assert not re.search(r"[{}|@]", said), (name, said)


def test_texts_are_as_short_as_reviews_and_say_something() -> None:
    words = sorted(len(review.text.split()) for review in made())
    assert words[0] >= 1
    assert words[len(words) // 2] <= 15
    assert words[-1] < 120
    assert all(review.text.strip() for review in made())


@pytest.mark.parametrize(("sections", "least"), [
    (("good", "happy", "love", "well", "gem", "virtue", "better", "best", "sentence+"), 400),
    (("bad", "unhappy", "hate", "badly", "junk", "flaw", "worse", "worst", "sentence-"), 400),
    (("noun", "kind", "product", "aspect", "aspects", "relation", "place", "purpose", "activity"), 600),
])  # fmt: skip
def test_the_lexicon_is_large(sections: tuple[str, ...], least: int) -> None:
    entries = Grammar().sections
    phrases = {phrase for name, lines in entries.items() if name.partition("@")[0] in sections for phrase in lines}
    assert len(phrases) >= least


def test_no_opinion_stands_on_both_sides() -> None:
    """What is good and bad at once would teach that it says nothing."""
    entries = Grammar().sections
    for good, bad in (
        ("good", "bad"),
        ("happy", "unhappy"),
        ("love", "hate"),
        ("gem", "junk"),
        ("sentence+", "sentence-"),
    ):
        assert not set(entries[good]) & set(entries[bad])


def test_the_words_of_many_reviews_are_many() -> None:
    words = Counter(word for review in made() for word in spelt(review.text).split())
    assert len(words) > 2_500


def test_what_is_written_by_hand_to_judge_by_is_never_made() -> None:
    by_hand = {spelt(line.partition("\t")[2]) for line in BY_HAND.read_text("utf-8").splitlines()}
    sayings = {spelt(line) for name in ("sentence+", "sentence-") for line in Grammar().sections[name]}
    assert len(by_hand) > 100
    assert len(by_hand & sayings) <= len(by_hand) // 20
