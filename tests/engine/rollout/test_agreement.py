"""Two versions agree where a caller sees the same answer, and a label says which of them is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jubako.card import AnyCard
from jubako.models import Outputs
from jubako.predictions import PredictionFields
from jubako.rollout.agreement import NEAR_ZERO, RELATIVE, agreeing, close, compare_with_truth, right
from tests.engine.tiny.models import BLOBS, NOTES, SUM

CARDS = {"multiclass": BLOBS, "binary": NOTES, "regression": SUM}
SCORE = st.floats(0, 1, width=32)
NUMBER = st.floats(-1e6, 1e6, width=32)


@st.composite
def two_versions(draw: st.DrawFn, task: str) -> tuple[Outputs, Outputs]:
    rows = draw(st.integers(1, 20))
    one = arrays(np.float32, (rows, len(CARDS[task].outputs)), elements=NUMBER if task == "regression" else SCORE)
    return draw(one), draw(one)


@pytest.mark.parametrize(("task", "label"), [("multiclass", "kind"), ("binary", "size")])
def test_classes_agree_exactly_where_the_decoded_predictions_name_the_same_class(task: str, label: str) -> None:
    card = CARDS[task]
    fields = PredictionFields(card)

    @given(two_versions(task))
    def check(outputs: tuple[Outputs, Outputs]) -> None:
        old, new = map(fields.decode, outputs)
        same = [one[label] == other[label] for one, other in zip(old, new, strict=True)]
        assert agreeing(card, *outputs).tolist() == same

    check()


@pytest.mark.parametrize("task", CARDS)
def test_every_row_is_counted_once_and_a_version_agrees_with_itself(task: str) -> None:
    card = CARDS[task]

    @given(two_versions(task), st.integers(0, 1))
    def check(outputs: tuple[Outputs, Outputs], place: int) -> None:
        old, new = outputs
        assert len(agreeing(card, old, new)) == len(old)
        assert agreeing(card, old, old).all()
        truth = old[:, 0].astype(np.float64) if task == "regression" else np.full(len(old), float(place))
        told = compare_with_truth(card, truth, old, new)
        assert told.labelled == len(old)
        swapped = compare_with_truth(card, truth, new, old)
        assert (swapped.only_candidate_wrong, swapped.ties) == (told.only_production_wrong, told.ties)

    check()


@given(two_versions("regression"))
def test_numbers_agree_within_a_share_of_productions_number(outputs: tuple[Outputs, Outputs]) -> None:
    old, new = (one[:, 0].astype(np.float64) for one in outputs)
    allowed = np.maximum(RELATIVE * np.abs(old), NEAR_ZERO * 4_000)
    assert agreeing(SUM, *outputs).tolist() == (np.abs(new - old) <= allowed).tolist()


@given(two_versions("multiclass"))
def test_where_classes_agree_no_label_finds_one_version_alone_wrong(outputs: tuple[Outputs, Outputs]) -> None:
    """Hence the share of disagreements bounds the difference in accuracy."""
    old, new = outputs
    same = agreeing(BLOBS, old, new)
    for place in (0, 1):
        told = compare_with_truth(BLOBS, np.full(int(same.sum()), float(place)), old[same], new[same])
        assert told.ties == told.labelled


@pytest.mark.parametrize("task", CARDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_agrees_with_nothing_and_is_never_right(task: str, bad: float) -> None:
    card: AnyCard = CARDS[task]
    broken = np.full((1, len(card.outputs)), bad, np.float32)
    for other in (broken, np.zeros_like(broken), np.ones_like(broken)):
        assert not agreeing(card, other, broken).any()
        assert not agreeing(card, broken, other).any()
    assert not any(right(card, np.array([truth]), broken).any() for truth in (0.0, 1.0))


def test_a_regression_whose_range_is_unknown_still_agrees_near_zero() -> None:
    card = replace(SUM, answer_signals=())
    assert close(card, np.array([0.00005, 0.001]), np.array([0.0, 0.0])).tolist() == [True, False]
