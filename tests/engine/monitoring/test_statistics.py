"""Our few statistics say what scipy says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jubako.monitoring.drift import statistics

RNG = np.random.default_rng(0)
SIZES = [(5_000, 1_000), (300, 500), (1_000, 100_000)]


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_kolmogorov_smirnov_has_scipys_distance_and_chance(before: int, after: int) -> None:
    reference, live = np.sort(RNG.normal(size=before)), np.sort(RNG.normal(0.06, 1, size=after))
    distance = statistics.kolmogorov_smirnov(reference, live)
    expected = stats.ks_2samp(reference, live, method="asymp")
    assert distance == pytest.approx(expected.statistic)
    assert statistics.kolmogorov_chance(distance, before, after) == pytest.approx(expected.pvalue, rel=0.15, abs=1e-6)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_shift_has_the_chance_of_scipys_mann_whitney(before: int, after: int) -> None:
    reference, live = np.sort(RNG.normal(size=before)), np.sort(RNG.normal(0.03, 1, size=after))
    moved = statistics.shift(reference, live)
    expected = stats.mannwhitneyu(live, reference, method="asymptotic", use_continuity=False)
    assert moved + 0.5 == pytest.approx(expected.statistic / before / after)
    assert statistics.normal_chance(statistics.shift_score(moved, before, after)) == pytest.approx(
        expected.pvalue, rel=1e-3
    )


def test_ties_make_shift_more_careful_never_less() -> None:
    reference, live = np.sort(RNG.integers(0, 3, 800)).astype(float), np.sort(RNG.integers(0, 3, 900)).astype(float)
    ours = statistics.normal_chance(statistics.shift_score(statistics.shift(reference, live), 800, 900))
    assert ours >= stats.mannwhitneyu(live, reference, use_continuity=False).pvalue


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 10, 25])
@pytest.mark.parametrize("statistic", [0.01, 1.0, 12.0, 80.0])
def test_the_chi_square_tail_is_exact(statistic: float, freedom: int) -> None:
    assert statistics.chi_square_chance(statistic, freedom) == pytest.approx(
        stats.chi2.sf(statistic, freedom), rel=1e-9
    )


def test_chi_square_is_scipys_when_no_category_is_rare() -> None:
    before, after = np.array([400.0, 300, 300]), np.array([150.0, 90, 60])
    expected = stats.chi2_contingency(np.stack([before, after]), correction=False)
    assert statistics.chi_square(before, after) == pytest.approx((expected.statistic, expected.dof))


def test_rare_categories_are_judged_together() -> None:
    before, after = np.array([900.0, 40, *[2] * 30]), np.array([450.0, 20, *[1] * 30])
    assert statistics.chi_square(before, after)[1] == 2


@pytest.mark.parametrize("table", [(12, 500, 3, 900), (0, 500, 3, 900), (30, 30, 5, 40), (90, 3_000, 9, 700)])
def test_the_hypergeometric_tail_is_fishers(table: tuple[int, int, int, int]) -> None:
    hits, live, reference_hits, reference = table
    expected = stats.fisher_exact(
        [[hits, live - hits], [reference_hits, reference - reference_hits]], alternative="greater"
    )
    assert statistics.hypergeometric_chance(hits, live, reference_hits, reference) == pytest.approx(
        expected.pvalue, rel=0.02
    )


def test_many_hits_take_no_longer_than_few() -> None:
    """Three hundred thousand rows a window are counted with one formula, not row by row, and never too boldly."""
    assert statistics.hypergeometric_chance(150_000, 300_000, 2_500, 5_000) == pytest.approx(0.5, abs=0.01)
    expected = stats.fisher_exact([[4_000, 26_000], [200, 1_800]], alternative="greater").pvalue
    assert expected <= statistics.hypergeometric_chance(4_000, 30_000, 200, 2_000) <= 3 * expected


def test_equal_shares_have_no_distance_and_an_empty_bin_no_infinite_one() -> None:
    equal = np.full(4, 0.25)
    assert statistics.population_stability(equal, equal) == statistics.hellinger(equal, equal) == 0.0
    assert np.isfinite(statistics.population_stability(equal, np.array([0.5, 0.5, 0, 0])))


def test_the_noise_of_small_windows_is_what_small_windows_show() -> None:
    """On average over windows without any drift; that much is taken off before a limit is asked."""
    edges = statistics.bin_edges(np.sort(RNG.normal(size=100_000)))
    shown = []
    for _ in range(400):
        sides = [statistics.shares(np.sort(RNG.normal(size=size)), edges) for size in (2_000, 700)]
        shown.append((statistics.population_stability(*sides), statistics.hellinger(*sides) ** 2))
    assert np.mean(shown, axis=0) == pytest.approx(statistics.by_chance(10, 2_000, 700), rel=0.1)
