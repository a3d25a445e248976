"""What people type at ``jubako``, and the sentences they get."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jubako.cli import COMMANDS, group
from jubako.versions import stages, store
from tests.homes import Home
from tests.versions import write_again

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


def jubako(*words: str) -> Result:
    return CliRunner().invoke(group, words, env={"COLUMNS": "160"})


def test_training_ends_with_a_table_of_what_became_of_each_model(ready_home: Home) -> None:
    done = jubako("train", "iris", "--set", "trees=20", "--seed", "3")
    assert done.exit_code == 0, done.output
    (version,) = store.versions("iris")
    line = next(line for line in done.stdout.splitlines() if line.startswith("iris"))
    for word in (version, "production", "accuracy 0.9", "≥ 0.9 passed", "onnxruntime", " s"):
        assert word in line


def test_a_model_that_did_not_pass_makes_the_exit_code_say_so(ready_home: Home) -> None:
    done = jubako("train", "iris", "--set", "trees=1", "--set", "max_depth=1")
    assert done.exit_code == 1
    assert "iris did not become a version: accuracy 0.6 does not reach the gate at 0.9" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "tree=3"], "iris has no parameter 'tree'; it has max_depth, min_samples_leaf, trees"),
        (["--set", "trees=many"], "trees takes a whole number, not 'many'"),
        (["--set", "trees"], "--set takes key=value, not 'trees'"),
        (["--base", "somewhere"], "iris has no parameter 'base'"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--tune", "x"], "Invalid value for '--tune'"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_before_anything_is_trained(
    home: Home, words: list[str], sentence: str
) -> None:
    done = jubako("train", "iris", *words)
    assert done.exit_code == 2
    assert sentence in done.output
    assert not home.jubako.exists()


def test_one_table_cannot_be_the_data_of_two_models(home: Home) -> None:
    done = jubako("train", "iris", "churn", "--data", "telco.csv")
    assert done.exit_code == 2
    assert "name one model with it" in done.output


def test_data_that_does_not_fit_is_listed_complaint_by_complaint(ready_home: Home, tmp_path: Path) -> None:
    table = tmp_path / "iris.csv"
    table.write_text("sepal_length,sepal_width,petal_length,species\n5.1,-3,1.4,rose\n")
    done = jubako("train", "iris", "--data", str(table))
    assert done.exit_code == 1
    for words in ("petal_width: column missing", "sepal_width: out of range", "species: unknown category"):
        assert words in done.stdout


def test_a_program_error_is_one_line_and_its_traceback_is_kept(
    ready_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.iris.IrisRecipe.fit", lambda *_, **__: 1 / 0)
    done = jubako("train", "iris")
    log = ready_home.jubako / "logs" / "train-iris.log"
    assert f"iris was not trained: ZeroDivisionError: division by zero; no version was made (see {log})" in done.stdout
    assert "in fit" in log.read_text()


def test_only_what_is_missing_is_trained(iris_home: Home) -> None:
    before = store.versions("iris")
    done = jubako("train", "iris", "--missing")
    assert (done.exit_code, store.versions("iris")) == (0, before)
    assert "Nothing to train" in done.output


def test_a_version_that_is_broken_is_missing_and_the_new_one_serves(iris_home: Home) -> None:
    (broken,) = store.versions("iris")
    (iris_home.store / "iris" / broken / "model.onnx").write_bytes(b"")
    done = jubako("train", "iris", "--missing", "--set", "trees=20")
    assert done.exit_code == 0, done.output
    assert "model.onnx was changed" in done.output
    assert stages.production("iris") != f"iris:{broken}"


def test_versions_are_listed_with_stage_metric_and_lineage(iris_home: Home) -> None:
    (version,) = store.versions("iris")
    manifest = store.read_manifest(f"iris:{version}")
    done = jubako("models", "iris")
    for words in (
        version,
        "production",
        "accuracy",
        "onnxruntime",
        "sklearn",
        manifest.run_id[:8],
        "trained on sklearn",
    ):
        assert words in done.stdout
    (line,) = json.loads(jubako("models", "--json").stdout)
    assert (line["version"], line["stage"], line["run_id"]) == (version, "production", manifest.run_id)


def test_a_refused_version_is_listed_with_the_reason(iris_home: Home) -> None:
    (version,) = store.versions("iris")
    (iris_home.store / "iris" / version / "manifest.json").write_text("{}")
    assert "refused: manifest.json is not the one" in jubako("models").stdout


def test_an_empty_store_says_how_to_fill_it() -> None:
    assert "`jubako train all` makes some" in jubako("models").stdout


def test_promote_takes_the_candidate_a_name_or_its_beginning_and_mlflow_follows(iris_home: Home) -> None:
    (first,) = store.versions("iris")
    assert "iris has no candidate" in jubako("promote", "iris").output
    trained = jubako("train", "iris", "--set", "trees=20")
    assert trained.exit_code == 0, trained.output
    second = stages.candidate("iris")
    assert second
    assert f"{second} is in production (before: {first})" in jubako("promote", "iris").output
    assert champion() == second
    assert jubako("promote", "iris", f"iris:{first}", "--why", "safer").exit_code == 0
    assert stages.history("iris")[-1].why == "safer"
    assert f"{second} is in production" in jubako("rollback", "iris").output
    assert champion() == second
    assert "more than one version of iris begins with '2'" in jubako("promote", "iris", "2").output
    assert "no version of iris begins with '9'" in jubako("promote", "iris", "9").output


def champion() -> str:
    from jubako.training.tracking import CHAMPION, Tracking

    return str(Tracking().client.get_model_version_by_alias("iris", CHAMPION).tags["bentoml_tag"])


def test_promoting_works_while_mlflow_is_away_and_says_that_it_does_not_follow(
    iris_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    write_again("second")
    done = jubako("promote", "iris", "second")
    assert done.exit_code == 0
    assert stages.production("iris") == "iris:second"
    assert (
        "Warning: MLflow's aliases of iris do not follow: MLflow at http://127.0.0.1:9: it does not answer"
        in done.stderr
    )


def test_a_damaged_pointer_is_a_sentence_and_not_a_traceback(iris_home: Home) -> None:
    stages.pointer_file().write_text("{")
    commands = ("models", "promote iris", "rollback iris", "train iris --missing", "train iris")
    for words in map(str.split, commands):
        done = jubako(*words)
        assert done.exit_code == 1
        assert "stages.json is damaged" in done.output


def test_every_command_exists_and_helps_without_loading_what_it_does_not_need() -> None:
    """Asked of a fresh interpreter: `jubako --help` must come at once."""
    program = "import sys; from jubako.cli import group; group(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"numpy", "mlflow", "bentoml", "pydantic"} & set(done.stdout.split())
    for name in COMMANDS:
        assert name in done.stdout
        assert jubako(name, "--help").exit_code == 0


def test_a_command_whose_extra_is_not_installed_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jubako.cli.find_spec", lambda name: None if name == "mlflow" else True)
    done = jubako("train", "iris")
    assert done.exit_code == 1
    assert done.output == "Error: `jubako train` needs mlflow, which is not installed: pip install 'jubako[train]'\n"


def test_training_is_a_module_too(iris_home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training", "iris", "--missing"],
        check=True,
        capture_output=True,
        text=True,
        env=iris_home.environment,
    )
    assert "Nothing to train" in done.stdout


def test_a_version_is_judged_on_rows_that_somebody_brings(ready_home: Home, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    assert jubako("train", "iris", "--set", "trees=20").exit_code == 0
    done = jubako("evaluate", "iris", "--data", "sklearn", "--output", str(file))
    assert done.exit_code == 0, done.output
    (version,) = store.versions("iris")
    assert f"iris:{version} on 150 rows" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("accuracy"))
    assert [float(word) > 0.9 for word in line.split()[1:]] == [True, True]
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["row"] for one in told] == list(range(150))
    assert {"species", "probabilities", "truth"} <= set(told[0])


def test_what_cannot_be_scored_is_one_sentence(ready_home: Home, tmp_path: Path) -> None:
    nothing = jubako("evaluate", "iris", "--data", "sklearn")
    assert nothing.exit_code == 1
    assert "iris has no version that serves; `jubako train iris` makes one" in nothing.output
    assert jubako("train", "iris", "--set", "trees=20").exit_code == 0
    nowhere = jubako("evaluate", "iris", "--data", str(tmp_path / "nowhere.csv"))
    assert nowhere.exit_code == 1
    assert "there is no such file or folder" in nowhere.output
