"""The imported artefact as ONNX, where ONNX answers the same. Where it does not, the framework itself serves."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import numpy as np

from jubako.importing.model import MATRIX, ImportedModel, texts_of
from jubako.importing.natives import LightgbmNative, SklearnNative, TorchNative, XgboostNative
from jubako.models import Batch, Runtime
from jubako.onnx import ONNX_FILE
from jubako.training import onnx_trees
from jubako.training.parity import kept

log = logging.getLogger("jubako.importing")
_Model = ImportedModel[Any, Any]


def to_onnx(model: _Model, folder: Path, sample: Batch) -> dict[str, float]:
    """How far apart the two engines are; nothing when this model has no ONNX form."""
    file = folder / ONNX_FILE
    try:
        _write(model, folder)
        if not file.exists():
            return {}
        native = model.predict(sample)
        apart = np.abs(type(model).load(folder, Runtime("onnx")).predict(sample) - native)
    except Exception as error:
        file.unlink(missing_ok=True)
        log.info("%s stays native: %s: %s", model.card.name, type(error).__name__, error)
        return {}
    if model.card.task == "regression":
        return kept(file, {"max_relative_difference": float((apart / np.maximum(np.abs(native), 1)).max())})
    return kept(file, {"max_difference": float(apart.max())})


def _write(model: _Model, folder: Path) -> None:
    width, classes = len(model.card.columns), len(model.card.classes)
    several = classes if classes > 2 else 1
    native = model.native
    if isinstance(native, XgboostNative):
        nodes = onnx_trees.xgboost_nodes(native.booster)
        onnx_trees.write(nodes, folder, width, "scores", sigmoid=classes == 2, classes=several)
    elif isinstance(native, LightgbmNative):
        nodes = onnx_trees.lightgbm_nodes(native.booster)
        onnx_trees.write(nodes, folder, width, "scores", sigmoid=classes == 2, classes=several)
    elif isinstance(native, SklearnNative):
        _sklearn(model, native.estimator, folder)
    elif isinstance(native, TorchNative):
        _torch(native.program, folder, width)


def _sklearn(model: _Model, estimator: Any, folder: Path) -> None:
    """The whole matrix where every column is a number; else, or when a step picks columns by name, each by its name."""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    card = model.card
    columns = {name: texts_of(field.annotation) is not None for name, field in card.row.model_fields.items()}
    if any(
        is_text and NoneType in get_args(card.row.model_fields[name].annotation) for name, is_text in columns.items()
    ):
        raise ValueError("a text that may be missing has no ONNX form")
    options = {"zipmap": False} if card.classes else None
    whole: list[tuple[str, Any]] = [(MATRIX, FloatTensorType([None, len(columns)]))]
    each: list[tuple[str, Any]] = [
        (model.names.get(name, name), (StringTensorType if is_text else FloatTensorType)([None, 1]))
        for name, is_text in columns.items()
    ]
    picks = any(columns.values()) or any(hasattr(step, "transformers_") for _, step in getattr(estimator, "steps", ()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions of scikit-learn; the answers are compared anyway
        converted = convert(estimator, initial_types=each if picks else whole, options=options, target_opset=18)
    (folder / ONNX_FILE).write_bytes(converted.SerializeToString())


def _torch(program: Any, folder: Path, width: int) -> None:
    """By tracing: torch's newer exporter needs a package more. The weights become constants of the graph."""
    import torch

    net = program.module()
    for weight in net.parameters():
        weight.requires_grad_(False)

    class Traced(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> Any:
            return net(rows)

    rows = torch.zeros(3, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace: Any = torch.jit.trace  # untyped
        traced = trace(Traced(), (rows,), check_trace=False)
        torch.onnx.export(
            traced,
            (rows,),
            str(folder / ONNX_FILE),
            dynamo=False,
            input_names=[MATRIX],
            output_names=["scores"],
            dynamic_axes={MATRIX: {0: "rows"}, "scores": {0: "rows"}},
        )
