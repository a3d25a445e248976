"""The one loop, on iris: what it records, what it refuses, and that nothing half-made is ever stored."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jubako.training import tracking
from jubako.training.data import TrainingRequest
from jubako.training.loop import TrainingOutcome, train
from jubako.training.recipe import DataRefused, Fitted
from jubako.training.tracking import Tracking, TrackingFailed
from jubako.versions import stages, store
from tests.five import MODELS
from tests.homes import Home
from training.iris import RECIPE, IrisRecipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]
QUICK = {"trees": 20}


def seen_by_mlflow(outcome: TrainingOutcome) -> Any:
    return Tracking().client.get_run(outcome.run_id)


def golden_outputs(home: Home, tag: str) -> Any:
    return json.loads((home.store / tag.replace(":", "/") / "golden.json").read_text())


def test_mlflow_has_parameters_steps_pictures_signature_example_and_registry(iris_home: Home) -> None:
    tag = stages.production("iris")
    assert tag
    manifest = store.read_manifest(tag)
    client = Tracking().client
    run = client.get_run(manifest.run_id)
    assert run.info.status == "FINISHED"
    assert {"trees": "20", "seed": "7", "data": "sklearn"}.items() <= run.data.params.items()
    assert run.data.metrics["accuracy"] == manifest.metrics["accuracy"]
    assert run.inputs.dataset_inputs[0].dataset.digest == manifest.data.sha256[:36]
    assert run.data.tags["bentoml_tag"] == tag
    pictures = {Path(file.path).stem for file in client.list_artifacts(manifest.run_id, "plots")}
    assert pictures == {"confusion", "roc_and_precision_recall", "calibration", "importances"}
    registered = client.get_model_version_by_alias("iris", "champion")
    assert (registered.version, registered.run_id) == (int(manifest.registered_version or 0), manifest.run_id)
    assert registered.tags["bentoml_tag"] == tag


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # about MLflow's own types
def test_mlflow_loads_the_registered_model_and_it_answers_as_the_version_does(iris_home: Home) -> None:
    import mlflow
    import pandas as pd

    Tracking()
    tag = stages.production("iris")
    assert tag
    loaded = mlflow.pyfunc.load_model("models:/iris@champion")
    served = store.open_version(tag, MODELS["iris"])
    rows = served.golden_rows[:5]
    answers = loaded.predict(pd.DataFrame([row.model_dump() for row in rows]))
    assert list(answers.columns) == list(served.model.card.outputs)
    np.testing.assert_allclose(answers.to_numpy(), served.golden.outputs[:5], atol=1e-6)
    assert loaded.input_example.shape == (2, 4)


def test_nothing_lands_in_the_folder_where_one_stands(
    ready_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(RECIPE, TrainingRequest(params=QUICK))
    assert list(tmp_path.iterdir()) == []
    assert (ready_home.jubako / "mlflow.db").exists()


def test_the_same_data_and_seed_give_the_same_golden_answers(iris_home: Home) -> None:
    again = train(RECIPE, TrainingRequest(params=QUICK))
    other = train(RECIPE, TrainingRequest(params=QUICK, seed=8))
    first = stages.production("iris")
    assert first
    assert again.tag
    assert other.tag
    assert golden_outputs(iris_home, first) == golden_outputs(iris_home, again.tag)
    assert golden_outputs(iris_home, first) != golden_outputs(iris_home, other.tag)


def test_a_model_below_its_gate_is_recorded_with_the_reason_but_is_no_version(ready_home: Home) -> None:
    outcome = train(RECIPE, TrainingRequest(params={"trees": 1, "max_depth": 1}))
    assert outcome.tag is None
    assert outcome.why_not is not None
    assert "does not reach the gate at 0.9" in outcome.why_not
    recorded = seen_by_mlflow(outcome)
    assert (recorded.info.status, recorded.data.tags["gate"]) == ("FINISHED", outcome.why_not)
    assert store.versions("iris") == []
    assert Tracking().client.search_model_versions("name='iris'") == []


def test_a_model_that_is_worse_than_production_on_the_same_rows_is_no_version(
    iris_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = IrisRecipe.fit

    def worse(self: IrisRecipe, batch: Any, truth: Any, params: Any, **more: Any) -> Fitted:
        blind = batch.copy()
        blind[:, 2:] = 1.0  # petals say the most
        return right(self, blind, truth, params, **more)

    monkeypatch.setattr(IrisRecipe, "fit", worse)
    gate = RECIPE.card.gate
    object.__setattr__(RECIPE.card, "gate", replace(gate, bound=0.1))
    try:
        outcome = train(RECIPE, TrainingRequest(params=QUICK))
    finally:
        object.__setattr__(RECIPE.card, "gate", gate)
    assert outcome.tag is None
    assert outcome.why_not is not None
    assert "in production by more than 0.07" in outcome.why_not
    assert outcome.result.production == stages.production("iris")


def test_the_score_is_of_the_loaded_files_not_of_what_was_in_memory(
    ready_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that writes another model than the one that was fitted must not pass the gate."""
    right = IrisRecipe.export

    def wrong(self: IrisRecipe, model: Any, folder: Path, sample: Any) -> dict[str, float]:
        shuffled = np.random.default_rng(0).permutation(len(sample))
        silly = self.fit(sample, shuffled % 3, QUICK | {"max_depth": 1, "min_samples_leaf": 1}, seed=0, log=print).model
        return right(self, silly, folder, sample)

    monkeypatch.setattr(IrisRecipe, "export", wrong)
    assert train(RECIPE, TrainingRequest(params=QUICK)).why_not


def test_a_failed_training_is_a_failed_run_and_no_version(ready_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Fitted:
        raise MemoryError("too many trees")

    monkeypatch.setattr(IrisRecipe, "fit", fails)
    with pytest.raises(MemoryError):
        train(RECIPE)
    client = Tracking().client
    (experiment,) = [found for found in client.search_experiments() if found.name == "iris"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "MemoryError: too many trees")
    assert store.versions("iris") == []


def test_tuning_records_each_trial_under_its_run_and_keeps_the_best(ready_home: Home) -> None:
    outcome = train(RECIPE, TrainingRequest(tune=3, params={"trees": 20}))
    client = Tracking().client
    run = seen_by_mlflow(outcome)
    trials = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{outcome.run_id}'")
    assert len(trials) == 3
    assert {trial.data.params["trees"] for trial in trials} == {"20"}, "what was set by hand is not searched"
    best = max(trials, key=lambda trial: trial.data.metrics["accuracy"])
    assert float(run.data.tags["tune.best_value"]) == pytest.approx(best.data.metrics["accuracy"], abs=1e-6)


@pytest.mark.parametrize("data", ["missing.csv", "hf:iris"])
def test_data_that_cannot_be_had_stops_before_a_run_begins(home: Home, data: str) -> None:
    with pytest.raises(DataRefused):
        train(RECIPE, TrainingRequest(data=data))
    assert not (home.jubako / "mlflow.db").exists()


def test_a_server_that_is_not_there_is_one_sentence_and_no_version(
    ready_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingFailed, match=r"^MLflow at http://\*\*\*@127\.0\.0\.1:9: it does not answer$"):
        train(RECIPE, TrainingRequest(params=QUICK))
    assert store.versions("iris") == []


MOMENTS: dict[str, Callable[[], tuple[Any, str]]] = {
    "while fitting": lambda: (IrisRecipe, "fit"),
    "while pictures go out": lambda: (tracking.Run, "files"),
    "while registering": lambda: (tracking.Run, "register"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_mlflow_that_vanishes_takes_no_version_with_it(
    ready_home: Home, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database is swapped for something that is none, as if the disk under it was gone."""
    place, name = MOMENTS[moment]()
    right = getattr(place, name)

    def vanishing(*arguments: Any, **more: Any) -> Any:
        from mlflow import MlflowClient

        def gone(*_: Any, **__: Any) -> None:
            raise ConnectionError("Max retries exceeded")

        for call in ("log_batch", "log_artifacts", "set_tag", "create_logged_model", "set_terminated"):
            monkeypatch.setattr(MlflowClient, call, gone)
        return right(*arguments, **more)

    monkeypatch.setattr(place, name, vanishing)
    with pytest.raises(TrackingFailed, match="it does not answer"):
        train(RECIPE, TrainingRequest(params=QUICK))
    assert store.versions("iris") == []
    assert stages.production("iris") is None


def test_mlflow_that_vanishes_after_the_run_leaves_a_whole_version_and_a_warning(
    ready_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise TrackingFailed("MLflow is away")

    monkeypatch.setattr(Tracking, "set_alias", gone)
    outcome = train(RECIPE, TrainingRequest(params=QUICK))
    assert outcome.tag is not None
    assert outcome.warning == "MLflow's aliases of iris do not follow: MLflow is away"
    assert store.open_version(outcome.tag, MODELS["iris"]).tag == stages.production("iris")


KILLED = ("gather", "fit", "save_and_load", "score", "judge", "mirror")

#: Runs in a process of its own, which imports everything once and forks a training for each step at which it is killed.
KILLER = """
import json, os, signal, sys
import matplotlib.pyplot, mlflow, onnxruntime, skl2onnx, sklearn.ensemble, skops.io
from jubako.training import loop
from jubako.training.data import TrainingRequest
from training.iris import RECIPE

ended = {}
for step, environment in json.loads(sys.argv[1]).items():
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        setattr(loop, step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        try:
            loop.train(RECIPE, TrainingRequest(params={"trees": 20}))
        finally:
            os._exit(1)
    ended[step] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def killed(trained_iris_home: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """The home of each training that was killed."""
    places = {step: trained_iris_home.copy(tmp_path_factory.mktemp(f"killed-{step}")) for step in KILLED}
    homes = {
        step: {"BENTOML_HOME": str(place.bentoml), "JUBAKO_HOME": str(place.jubako)} for step, place in places.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", KILLER, json.dumps(homes)],
        env=trained_iris_home.environment, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(KILLED, -signal.SIGKILL), done.stderr
    return places


@pytest.mark.parametrize("step", KILLED)
def test_a_training_killed_at_any_step_leaves_whole_versions_only(
    killed: dict[str, Home], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next training goes on, and says that the killed one no longer runs."""
    killed[step].use(monkeypatch)
    made = store.versions("iris")
    assert len(made) == (2 if step == "mirror" else 1)
    for version in made:
        store.open_version(f"iris:{version}", MODELS["iris"])
    assert train(RECIPE, TrainingRequest(params=QUICK)).tag
    client = Tracking().client
    runs = client.search_runs([client.get_experiment_by_name("iris").experiment_id])
    assert "RUNNING" not in {run.info.status for run in runs}
