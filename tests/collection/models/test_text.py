"""Texts become tokens in matrices that waste little, and nothing that a person can type breaks that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.text import ALIKE, FEW_TOKENS, MAX_TOKENS, buckets, normalise, padded, weight

LENGTHS = st.lists(st.integers(2, MAX_TOKENS), min_size=1, max_size=80)


@given(LENGTHS, st.integers(MAX_TOKENS, 4_096))
def test_every_text_stands_in_exactly_one_bucket(lengths: list[int], max_tokens: int) -> None:
    places = np.concatenate(list(buckets(lengths, max_tokens)))
    assert sorted(places.tolist()) == list(range(len(lengths)))


@given(LENGTHS, st.integers(MAX_TOKENS, 4_096))
def test_no_bucket_is_larger_than_it_may_be_or_mixes_long_with_short(lengths: list[int], max_tokens: int) -> None:
    for places in buckets(lengths, max_tokens):
        inside = [lengths[place] for place in places]
        assert len(inside) * max(inside) <= max_tokens
        assert max(inside) <= max(min(inside) * ALIKE, min(inside) + FEW_TOKENS)


def test_a_text_longer_than_a_bucket_may_be_still_gets_one() -> None:
    assert [places.tolist() for places in buckets([500, 3], max_tokens=100)] == [[1], [0]]


def test_no_texts_need_no_buckets() -> None:
    assert not list(buckets([], 100))


def test_padding_goes_to_the_longest_and_the_mask_says_where() -> None:
    tokens, mask = padded([[5, 6], [7, 8, 9]], pad=0)
    assert tokens.tolist() == [[5, 6, 0], [7, 8, 9]]
    assert mask.tolist() == [[1, 1, 0], [1, 1, 1]]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "\N{GRINNING FACE}" * 900,
        "\u05d8\u05d5\u05d1 \u05de\u05d0\u05d5\u05d3",
        "\u597d" * 999,
        "word " * 800,
        "\ud800",
    ],
)
def test_a_weight_is_between_a_mark_at_each_end_and_the_most_that_is_computed(text: str) -> None:
    assert 2 <= weight(text) <= MAX_TOKENS
