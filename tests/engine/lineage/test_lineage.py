"""``jubako lineage`` tells what made real versions and predictions, and ``jubako replay`` whether an answer holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from jubako.cli import group
from jubako.lineage.logged import database_file
from jubako.models import AnyModel
from jubako.monitoring.archive.prediction_log import PredictionLog
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import ObservationGroup
from jubako.rollout import record
from jubako.versions import stages, store
from tests.engine.rollout import made
from tests.five import CARDS, MODELS
from tests.homes import Home
from tests.versions import write_again

IRIS: type[AnyModel] = MODELS["iris"]
MARK = "019366f3a1c9f3a7"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments)


def said(*arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


def predicted(raw_rows: bool, wrong: float = 0.0) -> str:
    """The id of the second of two predictions that the version in production made; ``wrong`` is added to its output."""
    tag = stages.production("iris") or ""
    opened = store.open_version(tag, IRIS)
    batch = opened.model.encode(opened.golden_rows[:2])
    outputs = opened.model.predict(batch)
    outputs[1, 0] += np.float32(wrong)
    log = PredictionLog(database_file(), {"iris": float(raw_rows)})
    for mark, rows in (("019366f3a1c00000", slice(0, 1)), (MARK, slice(0, 2))):
        group = ObservationGroup(
            "iris", opened.version, 1_795_233_600.0, [mark], [len(outputs[rows])], [1_795_233_600.0],
            batch[rows], outputs[rows],
        )  # fmt: skip
        log.add(CARDS["iris"], group, [check(CARDS["iris"], IRIS.signals(batch[rows], outputs[rows]))])
    log.flush()
    log.close()
    return f"{tag}:{MARK}.1"


def test_the_lineage_of_a_version_names_its_data_code_parameters_and_environment(iris_home: Home) -> None:
    told = said("lineage", "iris")
    manifest = store.read_manifest(stages.production("iris") or "")
    for fact in (
        *(manifest.tag, manifest.run_id, manifest.data.sha256, manifest.data.source, "trees 20", "seed 7"),
        *(f"onnxruntime {manifest.frameworks['onnxruntime']}", "put into production", "stage production"),
    ):
        assert fact in told


def test_who_decided_about_a_version_and_why_is_told_in_the_order_of_time(iris_home: Home) -> None:
    first = (stages.production("iris") or "").partition(":")[2]
    second = write_again("second")
    stages.admit(IRIS, second, "trained again")
    made.running(candidate=second, production=first)
    record.move("iris", "abort", "wrong data", who="anna")
    stages.promote(IRIS, second, "the other was worse", who="bert")
    (*_, decisions) = json.loads(said("lineage", "iris", "second", "--json"))["parts"]
    told = [(part["name"].partition(" ")[2], part["facts"]["who"], part["facts"]["why"]) for part in decisions["parts"]]
    assert [line[1:] for line in told[1:]] == [
        ("anna", "more rows"),
        ("anna", "wrong data"),
        ("bert", "the other was worse"),
    ]
    assert [line[0] for line in told] == [
        "made candidate", "rollout: start, 0% of requests", "rollout: abort, 0% of requests", "promoted",
    ]  # fmt: skip
    assert "replaced by second" in said("lineage", "iris", first)


def test_a_prediction_is_followed_from_its_id_to_the_data(iris_home: Home) -> None:
    prediction = predicted(raw_rows=False)
    told = said("lineage", prediction)
    for fact in (prediction, "answered 2026-11-21 04:00 UTC", "row not kept", "species", "commit", "data"):
        assert fact in told


def test_the_page_needs_nothing_else_and_escapes_what_others_wrote(iris_home: Home, tmp_path: Path) -> None:
    second = write_again("second")
    stages.admit(IRIS, second, "<script>alert(1)</script>")
    said("lineage", "iris", "second", "--html", str(tmp_path / "lineage.html"))
    page = (tmp_path / "lineage.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nothing",), "there is no model 'nothing'"),
        (("housing",), "housing has no version in production"),
        (("iris", "no-such"), "no version of iris begins with 'no-such'"),
        (("iris:v:nothing",), "must be the id of a prediction"),
        (("iris:v:abc.0",), "there is no prediction log"),
    ],
)
def test_what_is_not_known_is_said_in_a_sentence(iris_home: Home, arguments: tuple[str, ...], why: str) -> None:
    done = run("lineage", *arguments)
    assert done.exit_code in (1, 2)
    assert why in done.output


def test_a_kept_row_gives_the_same_answer_to_the_bit(iris_home: Home) -> None:
    assert "is identical: onnxruntime" in said("replay", predicted(raw_rows=True))


def test_an_answer_that_another_version_or_a_fault_gave_shows_by_how_much(iris_home: Home) -> None:
    done = run("replay", predicted(raw_rows=True, wrong=-0.25))
    assert done.exit_code == 1
    assert "0.25 away" in done.output


def test_a_row_that_was_not_kept_cannot_be_replayed(iris_home: Home) -> None:
    done = run("replay", predicted(raw_rows=False))
    assert done.exit_code == 1
    assert "the row of this prediction was not kept" in done.output


def test_a_version_that_is_gone_cannot_answer_but_its_lineage_is_told(iris_home: Home) -> None:
    import shutil

    prediction = predicted(raw_rows=True)
    shutil.rmtree(iris_home.store / "iris" / prediction.split(":")[1])
    done = run("replay", prediction)
    assert "the version cannot answer again" in done.output
    told = said("lineage", prediction)
    assert "there is no such version in the store" in told
    assert "put into production" in told
