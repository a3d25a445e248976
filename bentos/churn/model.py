"""Small boosted trees for churn: LightGBM in training, ONNX Runtime in service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, get_args, get_origin

import numpy as np

from bentos.churn.card import CARD, ChurnPrediction, ChurnRow
from jubako.card import AnyCard
from jubako.models import Batch, Coded, Column, Model, Outputs, Runtime
from jubako.tables import ONNX_FILE, OnnxTrees

if TYPE_CHECKING:
    import lightgbm

LIGHTGBM_FILE = "model.txt"


def _codes(column: str) -> Mapping[object, int] | None:
    """Category -> its place in the card; None for a number."""
    annotation = ChurnRow.model_fields[column].annotation
    if get_origin(annotation) is not Literal:
        return None
    return {value: place for place, value in enumerate(get_args(annotation))}


#: The card's order is the code. It is part of the schema fingerprint, so no version meets codes it was not trained on.
CODES = tuple(_codes(column) for column in CARD.columns)


class ChurnModel(Model[ChurnRow, ChurnPrediction]):
    card: ClassVar[AnyCard] = CARD
    in_thread: ClassVar[bool] = False

    def __init__(
        self, booster: lightgbm.Booster | None = None, trees: OnnxTrees | None = None, threads: int = 1
    ) -> None:
        if booster is None and trees is None:
            raise ValueError("a model needs a booster or its ONNX export")
        self.booster = booster
        self.engine = "onnxruntime" if trees else "lightgbm"
        self._threads = threads
        self._predict = cast(Callable[[Any], Any], trees or self._native)

    @staticmethod
    def encode(rows: Sequence[ChurnRow]) -> Batch:
        """One float32 matrix; null (never billed) is NaN. On the gateway's hot path, hence no name is looked up."""
        return np.array(
            [
                [codes[value] if codes else value for codes, value in zip(CODES, row.__dict__.values(), strict=True)]
                for row in rows
            ],
            dtype=np.float32,
        )

    @staticmethod
    def decode(outputs: Outputs) -> list[dict[str, Any]]:
        """``will_churn`` means "more likely than not"; who has other costs compares the probability himself."""
        return [{"will_churn": chance >= 0.5, "probability": chance} for chance in outputs[:, 0].tolist()]

    @staticmethod
    def signals(batch: Batch, outputs: Outputs) -> dict[str, Column]:
        table = np.asarray(batch)
        columns: dict[str, Column] = {}
        for place, (name, codes) in enumerate(zip(CARD.columns, CODES, strict=True)):
            if codes is None:
                columns[name] = table[:, place].astype(np.float64)
            else:
                columns[name] = Coded(table[:, place].astype(np.int16), tuple(map(str, codes)))
        chances = outputs[:, 0].astype(np.float64)
        leaving = Coded((chances >= 0.5).astype(np.int16), ("False", "True"))
        return {**columns, "will_churn": leaving, "probability": chances}

    def _native(self, batch: Any) -> Any:
        return cast("lightgbm.Booster", self.booster).predict(batch, num_threads=self._threads)

    def predict(self, batch: Batch) -> Outputs:
        rows = np.asarray(batch, dtype=np.float32)
        return np.asarray(self._predict(rows), dtype=np.float32).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        if self.booster is None:
            raise ValueError("this model was loaded from ONNX; load it with the native engine to save it")
        self.booster.save_model(folder / LIGHTGBM_FILE)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        if runtime.engine == "native" or not (folder / ONNX_FILE).exists():
            import lightgbm

            return cls(booster=lightgbm.Booster(model_file=folder / LIGHTGBM_FILE), threads=runtime.threads)
        return cls(trees=OnnxTrees(folder, runtime.threads, output=0))
