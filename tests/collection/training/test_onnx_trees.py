"""The ONNX export: rows that stand exactly on a threshold, or miss a value, go to the same leaf as in the original."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost

from jubako.onnx import ONNX_FILE
from jubako.tables import OnnxTable
from jubako.training import onnx_trees
from jubako.training.onnx_trees import Node

COLUMNS = 4


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    """Columns of whole numbers, of cents, of tiny differences, and one with gaps; values below and above zero."""
    chance = np.random.default_rng(1)
    rows = np.column_stack(
        [
            chance.integers(-3, 4, 3_000),
            chance.uniform(0, 5_000, 3_000).round(2),
            1.0 + chance.integers(0, 60, 3_000) * 1.2e-7,
            np.where(chance.random(3_000) < 0.2, np.nan, chance.standard_normal(3_000)),
        ]
    ).astype(np.float32)
    truth = rows[:, 0] + np.sin(rows[:, 1] / 500) + 2e5 * (rows[:, 2] - 1) + np.nan_to_num(rows[:, 3], nan=-2.0)
    return rows, truth + 0.3 * chance.standard_normal(3_000)


def on_the_edges(rows: np.ndarray, nodes: Iterator[Node]) -> np.ndarray:
    """Rows with one value put on a threshold, just below or just above it, or taken away."""
    chance = np.random.default_rng(2)
    made = []
    for node in nodes:
        if node.mode == "LEAF" or abs(node.value) < 1e-30:  # LightGBM reads values below 1e-35 as 0
            continue
        edge = np.float32(node.value)
        for value in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf), np.nan):
            row = rows[chance.integers(len(rows))].copy()
            row[node.feature] = value
            made.append(row)
    return np.array(made, dtype=np.float32)


def test_xgboost_on_every_edge_equals_its_export_to_the_last_bit(
    table: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    rows, truth = table
    booster = xgboost.train({"max_depth": 5, "nthread": 1}, xgboost.DMatrix(rows, truth * 1e5), 60)
    edges = on_the_edges(rows, onnx_trees.xgboost_nodes(booster))
    onnx_trees.write(onnx_trees.xgboost_nodes(booster), tmp_path, COLUMNS, "answer", sigmoid=False)
    answers = OnnxTable(tmp_path / ONNX_FILE, threads=1)(edges)
    np.testing.assert_array_equal(answers[:, 0], booster.inplace_predict(edges))


@pytest.mark.parametrize("gaps", [True, False], ids=["with gaps in training", "without gaps in training"])
def test_lightgbm_on_every_edge_equals_its_export(
    table: tuple[np.ndarray, np.ndarray], tmp_path: Path, gaps: bool
) -> None:
    rows, truth = table
    taught = rows if gaps else np.nan_to_num(rows, nan=-2.0)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(taught, (truth > np.median(truth)).astype(int)),
        60,
    )
    edges = on_the_edges(rows, onnx_trees.lightgbm_nodes(booster))
    onnx_trees.write(onnx_trees.lightgbm_nodes(booster), tmp_path, COLUMNS, "chance", sigmoid=True)
    answers = OnnxTable(tmp_path / ONNX_FILE, threads=1)(edges)
    np.testing.assert_allclose(answers[:, 0], booster.predict(edges), atol=1e-6)


def test_a_tree_that_is_only_a_leaf_is_exported(tmp_path: Path) -> None:
    """Nothing to split on: every row has the same values."""
    rows = np.ones((50, COLUMNS), dtype=np.float32)
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, np.arange(50.0)), 2)
    onnx_trees.write(onnx_trees.xgboost_nodes(booster), tmp_path, COLUMNS, "answer", sigmoid=False)
    answers = OnnxTable(tmp_path / ONNX_FILE, threads=1)(rows[:3])
    np.testing.assert_array_equal(answers[:, 0], booster.inplace_predict(rows[:3]))


def test_a_model_that_takes_zeros_for_missing_is_refused(table: tuple[np.ndarray, np.ndarray]) -> None:
    """The export has never been taught this rule: better no file than a wrong one."""
    rows, truth = table
    booster = lightgbm.train(
        {"zero_as_missing": True, "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(rows, truth), 2
    )
    with pytest.raises(ValueError, match="zero_as_missing"):
        list(onnx_trees.lightgbm_nodes(booster))
