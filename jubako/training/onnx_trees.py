"""XGBoost's and LightGBM's trees as one ONNX node that answers exactly as they do.

Written out here rather than converted by onnxmltools, because three things that decide about equality are lost there:

- LightGBM compares in double precision, so a threshold must be rounded *down* to float32, never to the nearest;
- a missing value goes where the node says, and for a column that had no gaps in training LightGBM means "as 0";
- XGBoost adds its leaves in float32 to the mean, in order. Added in another order, 600 trees around 200,000 USD drift
  apart by 1e-5; with the mean inside the first tree's leaves the sums are equal to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from jubako.onnx import ONNX_FILE

if TYPE_CHECKING:
    import lightgbm
    import xgboost

Mode = Literal["BRANCH_LT", "BRANCH_LEQ", "LEAF"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of one tree, in ONNX's words. ``value`` is the threshold of a branch or the weight of a leaf."""

    tree: int
    place: int
    mode: Mode
    value: float
    feature: int = 0
    yes: int = 0
    no: int = 0
    missing_is_yes: bool = False


def xgboost_nodes(booster: xgboost.Booster) -> Iterator[Node]:
    """Walk the trees of a booster: ``x < threshold`` goes left, thresholds are float32 already."""
    features = {name: place for place, name in enumerate(booster.feature_names or ())}
    means = _means(json.loads(booster.save_config())["learner"])
    for tree, text in enumerate(booster.get_dump(dump_format="json")):
        waiting = [json.loads(text)]
        while waiting:
            node = waiting.pop()
            if "leaf" in node:
                weight = np.float32(node["leaf"])
                yield Node(tree, node["nodeid"], "LEAF", float(means[tree] + weight if tree < len(means) else weight))
                continue
            if isinstance(node["split_condition"], list):
                raise ValueError("splits by category have not been taught to the ONNX export")
            waiting.extend(node["children"])
            yield Node(
                tree,
                node["nodeid"],
                "BRANCH_LT",
                node["split_condition"],
                features[node["split"]] if features else int(node["split"][1:]),
                node["yes"],
                node["no"],
                node["missing"] == node["yes"],
            )


def _means(learner: dict[str, Any]) -> NDArray[np.float32]:
    """What each class starts from. XGBoost keeps it as an answer: a probability, where the sum is its log-odds."""
    means = np.ravel(json.loads(learner["learner_model_param"]["base_score"])).astype(np.float32)
    return np.log(means / (1 - means)) if learner["objective"]["name"] == "binary:logistic" else means


def lightgbm_nodes(booster: lightgbm.Booster) -> Iterator[Node]:
    """Walk the trees of a booster: ``x <= threshold`` in double precision goes left."""
    for tree, info in enumerate(booster.dump_model()["tree_info"]):
        waiting = [(0, info["tree_structure"])]
        following = 1
        while waiting:
            place, node = waiting.pop()
            if "leaf_value" in node:
                yield Node(tree, place, "LEAF", node["leaf_value"])
                continue
            yes, no, following = following, following + 1, following + 2
            waiting += [(yes, node["left_child"]), (no, node["right_child"])]
            yield _lightgbm_branch(tree, place, node, yes, no)


def _lightgbm_branch(tree: int, place: int, node: dict[str, Any], yes: int, no: int) -> Node:
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise ValueError("only numeric splits without zero_as_missing have been taught to the ONNX export")
    threshold = float(node["threshold"])
    missing_is_yes = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
    return Node(tree, place, "BRANCH_LEQ", rounded_down(threshold), node["split_feature"], yes, no, missing_is_yes)


def rounded_down(threshold: float) -> float:
    """The largest float32 that is not above: for every float32 ``x``, ``x <= threshold`` stays what it was.

    >>> rounded_down(0.5), rounded_down(0.1) <= 0.1 < float(np.nextafter(np.float32(rounded_down(0.1)), np.float32(1)))
    (0.5, True)
    """
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def write(
    nodes: Iterator[Node], folder: Path, columns: int, output: str, *, sigmoid: bool = False, classes: int = 1
) -> None:
    """One ``TreeEnsembleRegressor`` (and a ``Sigmoid``, or for several classes a ``Softmax``): a float32 matrix in, a
    column for each class out. Trees belong to the classes in turn."""
    from onnx import TensorProto, checker, helper

    every = list(nodes)
    leaves = [node for node in every if node.mode == "LEAF"]
    last = "Softmax" if classes > 1 else "Sigmoid" if sigmoid else None
    raw = "margin" if last else output
    steps = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["rows"],
            [raw],
            domain="ai.onnx.ml",
            n_targets=classes,
            aggregate_function="SUM",
            nodes_treeids=[node.tree for node in every],
            nodes_nodeids=[node.place for node in every],
            nodes_modes=[node.mode for node in every],
            nodes_values=[0.0 if node.mode == "LEAF" else node.value for node in every],
            nodes_featureids=[node.feature for node in every],
            nodes_truenodeids=[node.yes for node in every],
            nodes_falsenodeids=[node.no for node in every],
            nodes_missing_value_tracks_true=[int(node.missing_is_yes) for node in every],
            target_treeids=[node.tree for node in leaves],
            target_nodeids=[node.place for node in leaves],
            target_ids=[node.tree % classes for node in leaves],
            target_weights=[node.value for node in leaves],
        )
    ]
    if last:
        steps.append(helper.make_node(last, [raw], [output]))
    graph = helper.make_graph(
        steps,
        "trees",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", classes])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=9
    )
    checker.check_model(model)
    (folder / ONNX_FILE).write_bytes(model.SerializeToString())
