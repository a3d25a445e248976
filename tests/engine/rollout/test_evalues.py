"""The e-values are fair bets, move the right way, and agree with an implementation by others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.rollout.evalues import average, harm, no_harm, small_disagreement

counts = st.integers(0, 10_000)
huge = st.integers(0, 10**15)
margins = st.floats(0.001, 0.2)


@given(counts, counts)
def test_harm_grows_with_wins_and_shrinks_with_losses(wins: int, losses: int) -> None:
    assert harm(wins + 1, losses) > harm(wins, losses) > harm(wins, losses + 1)


@given(counts, counts, counts, margins)
def test_evidence_of_no_harm_shrinks_only_where_the_candidate_alone_is_wrong(a: int, b: int, c: int, m: float) -> None:
    now = no_harm(a, b, c, m)
    assert no_harm(a + 1, b, c, m) < now
    assert no_harm(a, b + 1, c, m) > now
    assert no_harm(a, b, c + 1, m) > now


@given(counts, counts, margins)
def test_disagreement_is_evidence_against_agreement(disagreed: int, agreed: int, margin: float) -> None:
    now = small_disagreement(disagreed, agreed, margin)
    assert small_disagreement(disagreed + 1, agreed, margin) < now < small_disagreement(disagreed, agreed + 1, margin)


@given(huge, huge, huge, margins)
def test_no_count_makes_an_e_value_infinite(a: int, b: int, c: int, margin: float) -> None:
    logs = harm(a, b), no_harm(a, b, c, margin), small_disagreement(a, b, margin)
    assert np.isfinite([*logs, average(*logs)]).all()


@given(counts, counts)
def test_one_more_second_of_equal_arms_is_worth_nothing_on_average(wins: int, losses: int) -> None:
    """A win and a loss are equally likely: what makes a bound on false rollbacks of it."""
    after = average(harm(wins + 1, losses), harm(wins, losses + 1))
    assert after == pytest.approx(harm(wins, losses), rel=1e-9, abs=1e-9)


@given(st.floats(0, 0.5), margins)
def test_one_more_row_of_a_candidate_worse_by_the_margin_is_worth_nothing_on_average(
    share: float, margin: float
) -> None:
    worse, better = share + margin, share
    fair = np.exp([no_harm(1, 0, 0, margin), no_harm(0, 1, 0, margin), no_harm(0, 0, 1, margin)])
    tied = 1 - worse - better
    if tied >= 0:
        assert fair @ [worse, tied, better] == pytest.approx(1.0, abs=1e-12)
    pair = np.exp([small_disagreement(1, 0, margin), small_disagreement(0, 1, margin)])
    assert pair @ [margin, 1 - margin] == pytest.approx(1.0, abs=1e-12)


def test_arrays_give_what_numbers_give() -> None:
    wins, losses = np.array([3, 40, 0]), np.array([5, 10, 0])
    assert harm(wins, losses).tolist() == [float(harm(w, x)) for w, x in zip(wins, losses, strict=True)]
    assert no_harm(wins, 7, losses, 0.01).shape == (3,)


def test_versions_that_never_differ_are_alike_after_431_rows() -> None:
    """For a margin of 1 % and evidence of 20."""
    found = small_disagreement(0, np.arange(1_000), 0.01) >= np.log(20)
    assert int(found.argmax()) == 431


# Final values of ``betting_mart`` of confseq 0.0.11 (Waudby-Smith and Ramdas), on the rows in random order. Its Python
# part was imported alone under numpy 2.4 (``np.float_`` added); its C++ part needs Boost and is not used here. For each
# bet: ``theta=1``, ``trunc_scale=1`` and a constant bet; the mean over the bets stands here. Losses d in {1, 0, -1}
# become x = (1 - d) / 2 with null mean (1 - margin) / 2 and bets of twice ``PAIRED_BETS / (1 + margin)``;
# disagreements become x = 0, agreements 1, null mean 1 - margin, bets ``AGREEMENT_BETS / (1 - margin)``; losses
# become x = 0, wins 1, null mean 1/2, bets 2 (r - 1) / (r + 1).
PAIRED = [
    (0, 400, 0, 0.01, 6.9858649785946),
    (12, 500, 20, 0.01, 4.4110264455077814),
    (40, 900, 30, 0.02, 0.8445975984179714),
    (3, 50, 1, 0.05, 0.8474629131412478),
    (100, 1800, 130, 0.01, 31.78694103464389),
]
AGREED = [
    (0, 435, 0.01, 20.77230619056362),
    (4, 900, 0.01, 2.8050824453715526),
    (30, 2000, 0.02, 1.5628592271161525),
]
HARMED = [(10, 2, 7.92479660959698), (60, 40, 1.9204325191930134), (200, 190, 0.03417121093592342)]


def test_the_e_values_are_those_of_confseq() -> None:
    for worse, ties, better, margin, expected in PAIRED:
        assert np.exp(no_harm(worse, ties, better, margin)) == pytest.approx(expected, rel=1e-10)
    for disagreed, agreed, margin, expected in AGREED:
        assert np.exp(small_disagreement(disagreed, agreed, margin)) == pytest.approx(expected, rel=1e-10)
    for wins, losses, expected in HARMED:
        assert np.exp(harm(wins, losses)) == pytest.approx(expected, rel=1e-10)
