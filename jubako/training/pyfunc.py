"""How MLflow loads what it was given: ``mlflow.pyfunc.load_model("models:/iris@champion").predict(table)``.

Named in each logged model's ``MLmodel`` file; works wherever the collection can be imported, and unpickles nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jubako import collection

if TYPE_CHECKING:
    import pandas as pd

NAME_FILE = "jubako.json"


class CardModel:
    """A table of the card's rows in, the card's output columns out."""

    def __init__(self, folder: Path) -> None:
        name = json.loads((folder.parent / NAME_FILE).read_text())["model"]
        self.model = collection.here().models[name].load(folder)
        self.card = self.model.card

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        import pandas as pd

        rows = []
        for record in table.to_dict(orient="records"):
            given = {str(name): None if pd.isna(value) else value for name, value in record.items()}
            rows.append(self.card.row.model_validate(given))
        return pd.DataFrame(self.model.predict(self.model.encode(rows)), columns=list(self.card.outputs))


def _load_pyfunc(path: str) -> CardModel:
    return CardModel(Path(path))
