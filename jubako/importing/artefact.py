"""From a fetched MLflow model to its artefact, opened in its own framework, and what it knows about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jubako.importing import pt2
from jubako.importing.model import Activation
from jubako.importing.natives import (
    LightgbmNative,
    Native,
    PyfuncNative,
    SklearnNative,
    TorchNative,
    XgboostNative,
)
from jubako.importing.refused import ImportRefused
from jubako.importing.source import Source, fetch
from jubako.importing.trusted import load_skops

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Artefact:
    native: Native
    framework: str
    task: Task | None = None
    """None when only its answers can tell."""
    labels: tuple[str, ...] = ()
    """The classes as the model calls them, in the order of its scores; empty when it does not know their names."""
    classes: int = 0
    features: tuple[str, ...] = ()
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """By column, in the model's order."""


def open_artefact(uri: str, *, allow_pyfunc: bool = False) -> Artefact:
    """The artefact at an address; it is fetched and opened once."""
    return _opened(uri, allow_pyfunc)


@lru_cache(maxsize=4)
def _opened(uri: str, allow_pyfunc: bool) -> Artefact:
    source = fetch(uri)
    for flavor, opener in _OPENERS.items():
        if flavor in source.flavors:
            found: Artefact | None = opener(source, source.flavors[flavor])
            if found is not None:
                return found
    if not allow_pyfunc:
        raise ImportRefused(
            f"{uri} is stored as a pickle, which can run anything when it is opened. Log it again in a safe format "
            "(MLflow's default: skops, pt2, or the framework's own), or trust its author with --allow-pyfunc"
        )
    if "python_function" not in source.flavors:
        raise ImportRefused(f"{uri} has no python_function flavor; its flavors are {', '.join(source.flavors)}")
    return Artefact(PyfuncNative(source.folder), "pyfunc")


def _file(source: Source, flavor: Mapping[str, Any], *keys: str) -> Path:
    """The file that a flavor names. The name comes from the MLmodel file: it may not lead out of the folder."""
    name = next((str(flavor[key]) for key in keys if flavor.get(key)), "")
    file = (source.folder / name).resolve()
    if not name or not file.is_relative_to(source.folder.resolve()) or not file.exists():
        raise ImportRefused(f"{source.uri}: its MLmodel names {name!r}, which is not in it")
    return file


def _sklearn(source: Source, flavor: Mapping[str, Any]) -> Artefact | None:
    file = _file(source, flavor, "pickled_model")
    if file.suffix != ".skops":
        return None
    estimator = load_skops(file)
    common: dict[str, Any] = {"features": tuple(map(str, getattr(estimator, "feature_names_in_", ())))}
    labels = getattr(estimator, "classes_", None)
    if labels is None:
        return Artefact(SklearnNative(estimator), "scikit-learn", "regression", **common)
    if not hasattr(estimator, "predict_proba"):
        raise ImportRefused(f"{source.uri}: {type(estimator).__name__} gives no probabilities (predict_proba)")
    return Artefact(
        SklearnNative(estimator), "scikit-learn", _task(len(labels)), tuple(map(str, labels)), len(labels),
        categories=_encoded(estimator), **common,
    )  # fmt: skip


def _encoded(estimator: Any) -> dict[str, Sequence[Any]]:
    """The categories that a ``OneHotEncoder`` or ``OrdinalEncoder`` of a pipeline knows, by column."""
    found: dict[str, Sequence[Any]] = {}
    for _, step in getattr(estimator, "steps", ()):
        for _, part, columns in getattr(step, "transformers_", ()):
            for inner in [part, *(last for _, last in getattr(part, "steps", ()))]:
                if hasattr(inner, "categories_"):
                    found.update(zip(columns, [values.tolist() for values in inner.categories_], strict=True))
    return found


def _xgboost(source: Source, flavor: Mapping[str, Any]) -> Artefact:
    import json

    import xgboost

    booster = xgboost.Booster(model_file=_file(source, flavor, "data"))
    if booster.attr("best_iteration"):  # stopped early: the trees after the best are not asked
        booster = booster[: int(booster.attr("best_iteration")) + 1]
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    common: dict[str, Any] = {
        "features": tuple(booster.feature_names or ()),
        "categories": _xgboost_categories(booster),
    }
    if objective.startswith("binary:"):
        if objective != "binary:logistic":
            raise ImportRefused(f"{source.uri}: {objective} gives no probabilities; binary:logistic does")
        return Artefact(XgboostNative(booster), "xgboost", "binary", classes=2, **common)
    if objective.startswith("multi:"):
        if objective != "multi:softprob":
            raise ImportRefused(f"{source.uri}: {objective} gives no probabilities; multi:softprob does")
        count = int(learner["learner_model_param"]["num_class"])
        return Artefact(XgboostNative(booster), "xgboost", "multiclass", classes=count, **common)
    return Artefact(XgboostNative(booster), "xgboost", "regression", **common)


def _xgboost_categories(booster: Any) -> dict[str, Sequence[Any]]:
    if "c" not in (booster.feature_types or ()) or not hasattr(booster, "get_categories"):
        return {}
    listed = booster.get_categories(export_to_arrow=True).to_arrow()
    return {name: values.to_pylist() for name, values in listed if values is not None}


def _lightgbm(source: Source, flavor: Mapping[str, Any]) -> Artefact | None:
    import lightgbm

    file = _file(source, flavor, "data")
    labels: tuple[str, ...] = ()
    if file.suffix == ".skops":
        wrapper = load_skops(file)
        labels = tuple(map(str, getattr(wrapper, "classes_", ())))
        booster = wrapper.booster_
    elif file.suffix in (".pkl", ".pickle"):
        return None
    else:
        booster = lightgbm.Booster(model_file=file)
    native = LightgbmNative(booster)
    names = tuple(booster.feature_name())
    objective = str(booster.dump_model().get("objective", "")).partition(" ")[0]
    count = {"binary": 2}.get(objective, booster.num_model_per_iteration())
    if count > 1:
        categories = native.categories(names)
        return Artefact(native, "lightgbm", _task(count), labels, count, names, categories)
    return Artefact(native, "lightgbm", "regression", features=names, categories=native.categories(names))


def _pytorch(source: Source, flavor: Mapping[str, Any]) -> Artefact | None:
    file = _file(source, flavor, "model_data") / "model.pt2"
    if not file.is_file():
        return None
    inputs = getattr(source.signature, "inputs", None)
    if inputs is None or not inputs.is_tensor_spec() or len(inputs.inputs) != 1 or len(inputs.inputs[0].shape) != 2:
        raise ImportRefused(f"{source.uri}: a torch model needs a signature with one tensor of rows and columns")
    pt2.check(file)
    import torch

    return Artefact(TorchNative(torch.export.load(file)), "torch")


def _task(classes: int) -> Task:
    return "binary" if classes == 2 else "multiclass"


_OPENERS: Mapping[str, Any] = {
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "pytorch": _pytorch,
    "sklearn": _sklearn,
}


def answer_shape(artefact: Artefact, table: pd.DataFrame) -> tuple[Task, int, Activation | None]:
    """Task, number of classes, and what makes probabilities of the answers; from what it answers when it does not say.

    A net with several outputs is a classifier. One output is a number, unless somebody says otherwise.
    """
    if artefact.task is not None:
        return artefact.task, artefact.classes, None
    found = artefact.native.predict(table)
    if found.dtype.kind in "OUS":
        return "multiclass", len(set(found.ravel().tolist())), None
    columns = found.reshape(len(found), -1)
    if columns.shape[1] == 1:
        return "regression", 0, None
    sums = columns.sum(axis=1)
    are_probabilities = bool((columns >= 0).all() and np.allclose(sums, 1, atol=1e-4))
    return _task(columns.shape[1]), columns.shape[1], None if are_probabilities else "softmax"
