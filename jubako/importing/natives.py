"""The imported artefact in its own framework: opened, asked, and written in a format that holds no pickle."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


class Native(Protocol):
    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        """Probabilities with a column for each class, the probability of the second of two classes, or numbers."""
        ...

    def save(self, folder: Path) -> None: ...


class SklearnNative:
    file: ClassVar[str] = "model.skops"

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        ask = getattr(self.estimator, "predict_proba", self.estimator.predict)
        rows = table if hasattr(self.estimator, "feature_names_in_") else table.to_numpy(dtype=np.float64)
        return np.asarray(ask(rows))

    def save(self, folder: Path) -> None:
        import skops.io

        skops.io.dump(self.estimator, folder / self.file)

    @classmethod
    def load(cls, file: Path, threads: int) -> SklearnNative:  # noqa: ARG003
        from jubako.importing.trusted import load_skops

        return cls(load_skops(file))


class XgboostNative:
    file: ClassVar[str] = "model.ubj"

    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        import xgboost

        rows: Any = categorical(table, {})
        if self.booster.feature_names is None:
            rows = table.to_numpy(dtype=np.float32)
        return np.asarray(self.booster.predict(xgboost.DMatrix(rows, enable_categorical=True)))

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / self.file)

    @classmethod
    def load(cls, file: Path, threads: int) -> XgboostNative:
        import xgboost

        return cls(xgboost.Booster({"nthread": threads}, model_file=file))


class LightgbmNative:
    file: ClassVar[str] = "model.txt"

    def __init__(self, booster: Any, threads: int = 1) -> None:
        self.booster = booster
        self._threads = threads

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        rows = categorical(table, self.categories(list(table.columns)))
        return np.asarray(self.booster.predict(rows, num_threads=self._threads))

    def categories(self, columns: Sequence[str]) -> dict[str, list[Any]]:
        """The categories that LightGBM keeps, by column: it lists them without names, in the order of the columns."""
        kept = self.booster.pandas_categorical or []
        infos = self.booster.dump_model()["feature_infos"] if kept else {}
        names = self.booster.feature_name()
        # A category column has a list of codes as its info, a number column a range.
        which = [place for place, name in enumerate(names) if "values" in infos.get(name, {}) and infos[name]["values"]]
        if len(which) != len(kept):
            return {}
        return {columns[place]: list(values) for place, values in zip(which, kept, strict=True)}

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / self.file)

    @classmethod
    def load(cls, file: Path, threads: int) -> LightgbmNative:
        import lightgbm

        return cls(lightgbm.Booster(model_file=file), threads)


class TorchNative:
    file: ClassVar[str] = "model.pt2"

    def __init__(self, program: Any) -> None:
        self.program = program
        self._net = program.module()

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        import torch

        with torch.inference_mode():
            rows = torch.from_numpy(table.to_numpy(dtype=np.float32))
            return np.asarray(self._net(rows).numpy())

    def save(self, folder: Path) -> None:
        import torch

        torch.export.save(self.program, folder / self.file)

    @classmethod
    def load(cls, file: Path, threads: int) -> TorchNative:
        import torch

        from jubako.importing.pt2 import check

        check(file)
        torch.set_num_threads(threads)
        return cls(torch.export.load(file))


class PyfuncNative:
    """A pickle, run as it is. Only for a model that was imported with ``--allow-pyfunc``."""

    file: ClassVar[str] = "pyfunc"

    def __init__(self, folder: Path) -> None:
        import mlflow.pyfunc

        self._folder = folder
        self._model = mlflow.pyfunc.load_model(str(folder))

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        return np.asarray(self._model.predict(table))

    def save(self, folder: Path) -> None:
        shutil.copytree(self._folder, folder / self.file, ignore=shutil.ignore_patterns("__pycache__"))

    @classmethod
    def load(cls, file: Path, threads: int) -> PyfuncNative:  # noqa: ARG003
        return cls(file)


_KINDS: tuple[Any, ...] = (SklearnNative, XgboostNative, LightgbmNative, TorchNative, PyfuncNative)


def load_native(folder: Path, threads: int) -> Native:
    """The artefact in a version's folder, whichever it is."""
    for kind in _KINDS:
        if (folder / kind.file).exists():
            native: Native = kind.load(folder / kind.file, threads)
            return native
    raise FileNotFoundError(f"no imported artefact in {folder}: {', '.join(kind.file for kind in _KINDS)}")


def categorical(table: pd.DataFrame, categories: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Texts as pandas categories: the boosters take no others."""
    import pandas as pd

    texts = [name for name in table.columns if table[name].dtype == object]
    if not texts:
        return table
    made: dict[str, Any] = {}
    for name in texts:
        known: Any = categories.get(name)
        made[name] = pd.Categorical(table[name], categories=known)
    return table.assign(**made)
