"""A random forest: scikit-learn in training, ONNX Runtime in service (4 ms a call against 5 microseconds)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from bentos.iris.card import CARD, SPECIES, IrisPrediction, IrisRow
from jubako.card import AnyCard
from jubako.models import Batch, Coded, Column, Model, Outputs, Runtime
from jubako.tables import ONNX_FILE, OnnxTrees, matrix, numbers

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

SKOPS_FILE = "model.skops"
#: skops refuses every type it does not know; this is scikit-learn's own tree, nothing that can run code.
TRUSTED = ["sklearn.tree._tree.Tree"]


class IrisModel(Model[IrisRow, IrisPrediction]):
    card: ClassVar[AnyCard] = CARD
    in_thread: ClassVar[bool] = False

    def __init__(self, forest: RandomForestClassifier | None = None, trees: OnnxTrees | None = None) -> None:
        if forest is None and trees is None:
            raise ValueError("a model needs a forest or its ONNX export")
        self.forest = forest
        self.engine = "onnxruntime" if trees else "scikit-learn"
        self._predict = cast(Callable[[Any], Any], trees or cast("RandomForestClassifier", forest).predict_proba)

    @staticmethod
    def encode(rows: Sequence[IrisRow]) -> Batch:
        return matrix(rows)

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        best = outputs.argmax(axis=1).tolist()
        return [
            {
                "species": SPECIES[winner],
                "probabilities": {"setosa": setosa, "versicolor": versicolor, "virginica": virginica},
            }
            for winner, (setosa, versicolor, virginica) in zip(best, outputs.tolist(), strict=True)
        ]

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        return {
            **numbers(np.asarray(batch), CARD.columns),
            "species": Coded(outputs.argmax(axis=1).astype(np.int16), SPECIES),
            "confidence": outputs.max(axis=1).astype(np.float64),
        }

    def predict(self, batch: Batch) -> Outputs:
        return np.asarray(self._predict(batch), dtype=np.float32)

    def save(self, folder: Path) -> None:
        import skops.io

        skops.io.dump(self.forest, folder / SKOPS_FILE)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        if runtime.engine == "native" or not (folder / ONNX_FILE).exists():
            import skops.io

            forest = skops.io.load(folder / SKOPS_FILE, trusted=TRUSTED)
            forest.set_params(n_jobs=runtime.threads)
            return cls(forest=forest)
        return cls(trees=OnnxTrees(folder, runtime.threads, output=1))
