"""A random forest for irises: scikit-learn in training, ONNX Runtime in service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from bentos.iris.card import CARD, IrisPrediction, IrisRow
from jubako.card import AnyCard
from jubako.models import Batch, Runtime
from jubako.tables import TableModel

SKOPS_FILE = "model.skops"
#: skops refuses every type it does not know; this is scikit-learn's own tree, nothing that can run code.
TRUSTED = ["sklearn.tree._tree.Tree"]


class IrisModel(TableModel[IrisRow, IrisPrediction]):
    card: ClassVar[AnyCard] = CARD

    def predict_native(self, features: Batch) -> Any:
        return self.native.predict_proba(features)

    def save_native(self, folder: Path) -> None:
        import skops.io

        skops.io.dump(self.native, folder / SKOPS_FILE)

    @classmethod
    def load_native(cls, folder: Path, runtime: Runtime) -> Any:
        import skops.io

        return skops.io.load(folder / SKOPS_FILE, trusted=TRUSTED).set_params(n_jobs=runtime.threads)
