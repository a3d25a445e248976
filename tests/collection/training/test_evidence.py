"""Where a version came from is found out, not assumed."""

from __future__ import annotations

import numpy as np
import pytest

from jubako.training import provenance
from jubako.training.recipe import no_log
from jubako.versions.golden import EXACT, LOOSE, KnownAnswers, tolerance, what_differs
from tests.five import COLLECTION
from training.iris import IrisRecipe


def test_golden_rows_are_spread_over_the_held_out_rows_and_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = IrisRecipe()
    flowers = recipe.make(0)
    batch = recipe.model.encode(flowers.rows)
    model = recipe.fit(batch, flowers.truth, recipe.defaults | {"trees": 5}, seed=0, log=no_log).model
    places = np.arange(0, 150)
    golden = provenance.golden(flowers.rows, places, model, model)
    assert len(golden.rows) == 64
    assert (golden.rows[0], golden.rows[-1]) == (flowers.rows[0], flowers.rows[149])
    monkeypatch.setattr(provenance, "GOLDEN_BYTES", 1000)
    assert 5 < len(provenance.golden(flowers.rows, places, model, model).rows) < 20
    monkeypatch.setattr(provenance, "GOLDEN_BYTES", 1)
    assert len(provenance.golden(flowers.rows, places, model, model).rows) == 1, "one is always there"


def test_an_engine_that_rounds_may_differ_a_little_but_keeps_clear_answers() -> None:
    card = COLLECTION.cards["churn"]
    known = KnownAnswers(np.array([[0.9], [0.52], [0.1]], dtype=np.float32), tolerance(0.01))
    assert known.tolerance == LOOSE
    nudged = np.array([[0.93], [0.48], [0.07]], dtype=np.float32)
    moved = np.array([[0.93], [0.48], [0.27]], dtype=np.float32)
    assert what_differs(card, nudged, known) is None, "0.52 is not clear, the others stay"
    assert "golden row 2 came out" in str(what_differs(card, moved, known))


def test_an_engine_that_does_not_round_repeats_itself() -> None:
    card = COLLECTION.cards["housing"]
    known = KnownAnswers(np.array([[200_000.0]], dtype=np.float32), tolerance(1e-7))
    assert known.tolerance == EXACT
    assert what_differs(card, np.array([[200_010.0]], dtype=np.float32), known) is None
    assert what_differs(card, np.array([[200_100.0]], dtype=np.float32), known) is not None
    assert what_differs(card, np.array([[np.nan]], dtype=np.float32), known) is not None
