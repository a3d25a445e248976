"""The recipe of an imported model: its data are a table, its fit is the artefact that MLflow has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np

from jubako import home
from jubako.card import AnyCard
from jubako.importing.artefact import open_artefact
from jubako.importing.export import to_onnx
from jubako.importing.model import ImportedModel
from jubako.models import AnyModel, Batch
from jubako.training import tables
from jubako.training.recipe import DataRefused, Dataset, Fitted, Log, Param, Params, Truth


class ImportedRecipe:
    """``card``, ``model``, ``source`` and the table are all that a recipe file needs; replace ``fit`` to train here."""

    card: ClassVar[AnyCard]
    model: ClassVar[type[AnyModel]]
    source: ClassVar[str]
    """Where the artefact is: an address in MLflow, or a folder."""
    data: ClassVar[str | None] = None
    """Rows with their truth: a path, from the repository."""
    truth: ClassVar[str | None] = None
    """The column of ``data`` that the model predicts."""
    classes: ClassVar[Mapping[str, str]] = {}
    """What stands in the truth column -> the class on the card."""
    allow_pyfunc: ClassVar[bool] = False
    defaults: ClassVar[Params] = {}

    def make(self, seed: int, size: int | None = None) -> Dataset:  # noqa: ARG002 - the table is what it is
        if self.data is None or self.truth is None:
            name = self.card.name
            raise DataRefused(name, [f"training/{name}.py names no table with a truth to judge the model by"])
        return self.read(home.repository() / self.data)

    def read(self, path: Path) -> Dataset:
        names = cast(type[ImportedModel[Any, Any]], self.model).names
        kind: Any = Literal[tuple(self.classes)] if self.classes else float
        table = tables.read_csv(path)
        target = self.truth or self.card.outputs[0]
        if self.classes and target in table.columns:
            table[target] = [whole(str(cell)) for cell in table[target]]
        checked = tables.check(table, self.card.row, tables.Layout(tables.Target(target, kind), names), str(path))
        if not self.classes:
            return tables.dataset(checked.rows, np.array(checked.truth, dtype=np.float64), str(path))
        places = {name: place for place, name in enumerate(self.card.classes)}
        truth = np.array([places[self.classes[cell]] for cell in checked.truth], dtype=np.int64)
        return tables.dataset(checked.rows, truth, str(path))

    def fetch(self, source: str) -> Dataset:
        raise DataRefused(source, [f"{self.card.name} takes a CSV file"])

    def suggest(self, trial: Any) -> dict[str, Param]:  # noqa: ARG002
        return {}

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:  # noqa: ARG002
        """The imported artefact as it is. Nothing is learnt here."""
        native = open_artefact(self.source, allow_pyfunc=self.allow_pyfunc).native
        model = cast(type[ImportedModel[Any, Any]], self.model)
        return Fitted(model(native=native), base=self.source, learned=False)

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        return to_onnx(cast(ImportedModel[Any, Any], model), folder, sample)


def whole(cell: str) -> str:
    """A class that is a whole number, however the table writes it.

    >>> whole("2.0"), whole(" red "), whole("1.5")
    ('2', 'red', '1.5')
    """
    head, dot, rest = cell.strip().partition(".")
    return head if dot and head.lstrip("-").isdigit() and not rest.strip("0") else cell.strip()
