"""The same rows are held out in every training, whatever the seed; copies and groups stay on one side."""

from __future__ import annotations

import numpy as np
import pytest

from jubako.training.recipe import Dataset
from jubako.training.split import folds, held_out, row_keys, split
from tests.five import COLLECTION
from training.iris import IrisRecipe

CARD = COLLECTION.cards["iris"]


@pytest.fixture
def iris() -> Dataset:
    return IrisRecipe().make(0)


def held(dataset: Dataset) -> set[str]:
    return {dataset.rows[place].model_dump_json() for place in split(CARD, dataset).held_out.tolist()}


def test_every_row_is_on_exactly_one_side(iris: Dataset) -> None:
    parts = split(CARD, iris)
    assert sorted([*parts.learn.tolist(), *parts.held_out.tolist()]) == list(range(150))


def test_classes_are_held_out_in_their_shares(iris: Dataset) -> None:
    assert np.bincount(iris.truth[split(CARD, iris).held_out]).tolist() == [20, 20, 20]


def test_the_order_of_the_table_does_not_matter(iris: Dataset) -> None:
    turned = np.random.default_rng(1).permutation(150)
    shuffled = Dataset([iris.rows[place] for place in turned], iris.truth[turned], "shuffled", "0" * 64)
    assert held(shuffled) == held(iris)


def test_rows_that_come_later_leave_most_of_the_others_where_they_were(iris: Dataset) -> None:
    """Or a new model would be judged on rows from which production has learnt."""
    less = Dataset(iris.rows[:140], iris.truth[:140], "less", "0" * 64)
    learnt = {row.model_dump_json() for row in less.rows} - held(less)
    assert len(held(iris) & learnt) <= 4


def test_copies_of_a_row_stand_on_the_same_side(iris: Dataset) -> None:
    twice = Dataset([*iris.rows, *iris.rows], np.concatenate([iris.truth, iris.truth]), "twice", "0" * 64)
    parts = split(CARD, twice)
    learnt = {twice.rows[place].model_dump_json() for place in parts.learn.tolist()}
    assert not learnt & {twice.rows[place].model_dump_json() for place in parts.held_out.tolist()}


def test_rows_of_one_group_stand_on_the_same_side(iris: Dataset) -> None:
    groups = [f"bed {place // 7}" for place in range(150)]
    grouped = Dataset(iris.rows, iris.truth, "grouped", "0" * 64, groups)
    parts = split(CARD, grouped)
    assert not {groups[place] for place in parts.learn} & {groups[place] for place in parts.held_out}
    assert 40 <= len(parts.held_out) <= 80


def test_each_row_is_held_out_once_over_the_folds(iris: Dataset) -> None:
    found = folds(CARD, iris)
    assert [len(part.held_out) for part in found] == [30] * 5
    assert sorted(np.concatenate([part.held_out for part in found]).tolist()) == list(range(150))


def test_a_large_table_gives_a_fifth_and_a_small_one_up_to_two() -> None:
    keys = row_keys(IrisRecipe().make(0))
    assert len(held_out(keys, np.zeros(150, dtype=np.int64), 0.2).held_out) == 30
    assert len(split(CARD, IrisRecipe().make(0)).held_out) == 60
