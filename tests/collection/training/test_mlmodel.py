"""What MLflow is given it also understands: signature, input example and pictures for every card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jubako.card import AnyCard
from jubako.training import mlmodel, plots, pyfunc
from jubako.training.tracking import uri
from tests.five import COLLECTION
from tests.homes import Home


@pytest.fixture(params=COLLECTION.cards)
def card(request: pytest.FixtureRequest) -> AnyCard:
    return COLLECTION.cards[request.param]


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # about MLflow's own types
def test_mlflow_reads_the_model_folder_with_signature_and_example(card: AnyCard, tmp_path: Path) -> None:
    from mlflow.models import Model
    from mlflow.models.utils import load_serving_example

    files = tmp_path / "files"
    files.mkdir()
    (files / "weights").write_bytes(b"1")
    mlmodel.write(tmp_path / "mlflow", card, files, run_id="r", model_id="m")
    found = Model.load(str(tmp_path / "mlflow"))
    assert found.signature.inputs.input_names() == list(card.columns)
    assert found.signature.outputs.input_names() == list(card.outputs)
    optional = {name for name, column in found.signature.inputs.input_dict().items() if not column.required}
    assert optional == {
        name for name in card.columns if "null" in str(card.row.model_json_schema()["properties"][name])
    }
    assert found.flavors["python_function"]["loader_module"] == pyfunc.__name__
    assert found.load_input_example(str(tmp_path / "mlflow")).shape == (len(card.examples), len(card.columns))
    assert load_serving_example(str(tmp_path / "mlflow"))


@pytest.mark.slow
def test_every_task_has_its_pictures(card: AnyCard, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    outputs = random.dirichlet(np.ones(max(2, len(card.outputs))), 200)[:, : len(card.outputs)].astype(np.float32)
    truth = random.uniform(0, 1, 200) if card.task == "regression" else random.integers(0, len(card.classes), 200)
    history = {"loss": [(1, 0.9), (2, 0.5)], "accuracy": [(1, 0.5), (2, 0.8)], "once": [(0, 1.0)]}
    files = plots.save_all(plots.Shown(card, truth, outputs, history, {"a": 0.7, "b": 0.3}), tmp_path)
    by_task = {"residuals"} if card.task == "regression" else {"confusion", "roc_and_precision_recall", "calibration"}
    assert {file.stem for file in files} == by_task | {"learning_curve", "importances"}
    for file in files:
        picture = np.asarray(Image.open(file).convert("L"))
        assert picture.shape[0] == 420
        assert len(np.unique(picture)) > 10, f"{file.name} is empty"


def test_runs_go_under_the_projects_home_unless_told_otherwise(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uri() == f"sqlite:///{home.jubako}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    assert uri() == "http://mlflow.example"
