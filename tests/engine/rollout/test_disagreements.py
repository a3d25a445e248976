"""Rows on which two versions differ are listed in the words of their card, to be labelled and told as feedback."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from jubako.batch import of_texts
from jubako.commands.rollout import rollout
from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive.pairs import PairWriter, labelled
from jubako.monitoring.quality.disagreements import disagreements
from jubako.monitoring.record.observations import Observation
from jubako.rollout import record
from jubako.rollout.record import Plan
from tests.engine.rollout.paired import NEW, OLD, START, Place, group_of
from tests.engine.tiny.models import BlobModel, NoteModel, SumModel
from tests.five import CARDS, MODELS
from tests.homes import Home

IRIS = MODELS["iris"]
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 2.9, 5.6, 1.8], [5.9, 3.0, 4.2, 1.5]], np.float32)


def observed(model: type[AnyModel], batch: Batch, outputs: Outputs, place: int = 0, at: float = START) -> Observation:
    return Observation(model.card.name, OLD, f"{place:011x}aabbcc0000", batch, outputs, at)


def paired(place: Place, model: type[AnyModel], observations: Sequence[Observation], answers: Outputs) -> None:
    place.log(observations, model)
    PairWriter(place.file).write(group_of(observations, answers, model))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "jubako" / "monitoring")


@pytest.fixture
def irises(place: Place) -> list[Observation]:
    """Three requests of one row; the versions differ on the last two."""
    old = np.eye(3, dtype=np.float32)
    new = np.eye(3, dtype=np.float32)[[0, 2, 1]]
    observations = [observed(IRIS, FLOWERS[row : row + 1], old[row : row + 1], row, START + row) for row in range(3)]
    paired(place, IRIS, observations, new)
    return observations


def test_rows_that_differ_come_with_both_answers_and_their_id_the_newest_first(
    place: Place, irises: list[Observation]
) -> None:
    last, first = disagreements(place.file, IRIS, NEW, limit=10)
    assert last.id == f"iris:{OLD}:{irises[2].unique}.0"
    assert first.id == f"iris:{OLD}:{irises[1].unique}.0"
    assert last.row == {"sepal_length": 5.9, "sepal_width": 3.0, "petal_length": 4.2, "petal_width": 1.5}
    assert (last.production["species"], last.candidate["species"]) == ("virginica", "versicolor")
    assert last.at == "2026-11-21T04:00:02+00:00"
    assert [one.id for one in disagreements(place.file, IRIS, NEW, limit=1)] == [last.id]
    assert not disagreements(place.file, IRIS, "another", limit=10)


def test_what_was_told_as_feedback_stands_beside_its_row_and_joins_its_pair(
    place: Place, irises: list[Observation]
) -> None:
    assert place.tell([f"iris:{OLD}:{irises[2].unique}.0"], ["versicolor"], IRIS) == {"joined"}
    assert [one.truth for one in disagreements(place.file, IRIS, NEW, limit=10)] == ["versicolor", None]
    assert labelled(place.file, "iris", OLD, NEW, CARDS["iris"]).only_production_wrong == 1


def test_places_in_a_request_of_many_rows_are_those_of_its_ids(place: Place) -> None:
    batch = np.array([[n, 1.0] for n in range(20)], np.float32)
    outputs = batch.sum(axis=1, keepdims=True)
    answers = outputs.copy()
    answers[[3, 12, 19]] += 10
    observations = [
        observed(SumModel, batch[:5], outputs[:5], 0),
        observed(SumModel, batch[5:12], outputs[5:12], 1),
        observed(SumModel, batch[12:], outputs[12:], 2),
    ]
    paired(place, SumModel, observations, answers)
    found = disagreements(place.file, SumModel, NEW, limit=10)
    assert [one.id.partition(OLD)[2] for one in found] == [
        f":{observations[2].unique}.7",
        f":{observations[2].unique}.0",
        f":{observations[0].unique}.3",
    ]
    assert [one.row for one in found] == [{"left": left, "right": 1.0} for left in (19.0, 12.0, 3.0)]
    assert place.tell([found[0].id], [20.0], SumModel) == {"joined"}
    assert disagreements(place.file, SumModel, NEW, limit=1)[0].truth == 20.0


def test_a_text_is_shown_as_it_is_and_a_file_by_what_monitoring_sees_of_it(place: Place) -> None:
    text = "A note with more than a few words in it, so that it is long."
    paired(place, NoteModel, [observed(NoteModel, of_texts([text]), np.float32([[0.9]]))], np.float32([[0.2]]))
    (note,) = disagreements(place.file, NoteModel, NEW, limit=10)
    assert note.row == {"text": text}
    assert (note.production["size"], note.candidate["size"]) == ("long", "short")
    file = np.array([[1, 2, 3, 4]], np.uint8)
    paired(place, BlobModel, [observed(BlobModel, file, np.float32([[0.9, 0.1]]))], np.float32([[0.2, 0.8]]))
    (blob,) = disagreements(place.file, BlobModel, NEW, limit=10)
    assert blob.row == {"mean": 2.5}


def test_categories_of_a_table_are_words_and_missing_numbers_nothing(place: Place) -> None:
    churn = MODELS["churn"]
    rows = [churn.card.row.model_validate_json(json.dumps(one)) for one in churn.card.examples]
    batch = churn.encode(rows)
    paired(
        place,
        churn,
        [observed(churn, batch, np.full((len(rows), 1), 0.9, np.float32))],
        np.float32([[0.1]] * len(rows)),
    )
    found = disagreements(place.file, churn, NEW, limit=10)
    for one, row in zip(reversed(found), rows, strict=True):
        assert one.row is not None
        for name, value in row.model_dump().items():
            seen = one.row[name]
            assert seen == (str(value) if isinstance(seen, str) else value), name


def test_rows_that_were_not_kept_are_listed_without_them(place: Place) -> None:
    one = observed(SumModel, np.ones((1, 2), np.float32), np.float32([[2.0]]))
    PairWriter(place.file, pair_rows=False).write(group_of([one], np.float32([[20.0]]), SumModel))
    (found,) = disagreements(place.file, SumModel, NEW, limit=10)
    assert found.row is None
    assert (found.production, found.candidate) == ({"total": 2.0}, {"total": 20.0})


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path).use(monkeypatch)


def asked(*words: str) -> Result:
    return CliRunner().invoke(rollout, ["disagreements", *words], env={"COLUMNS": "200"})


@pytest.fixture
def rolled_out(at_home: Home) -> None:
    plan = Plan(candidate=NEW, production=OLD, shares=(0.0,), seconds=1, requests=1, margin=0.01, shadow_only=True)
    record.start("iris", plan, "a test")


@pytest.mark.usefixtures("irises", "rolled_out")
def test_the_command_lists_the_rows_of_the_last_rollout() -> None:
    shown = asked("iris")
    assert shown.exit_code == 0, shown.output
    lines = [line for line in shown.stdout.splitlines() if line.startswith(f"iris:{OLD}")]
    assert len(lines) == 2
    assert "species virginica" in lines[0]
    assert "petal_width 1.5" in shown.stdout
    told = json.loads(asked("iris", "--limit", "1", "--json").stdout)
    assert [one["production"]["species"] for one in told] == ["virginica"]


@pytest.mark.usefixtures("irises", "rolled_out")
def test_a_csv_is_labelled_and_told_as_feedback(tmp_path: Path, place: Place) -> None:
    file = tmp_path / "rows.csv"
    assert "Wrote 2 rows" in asked("iris", "--csv", str(file)).stdout
    with file.open(newline="") as lines:
        found: list[dict[str, Any]] = list(csv.DictReader(lines))
    assert [line["truth"] for line in found] == ["", ""]
    assert found[0]["sepal_length"] == "5.9"
    assert found[0]["candidate.species"] == "versicolor"
    assert place.tell([line["id"] for line in found], ["versicolor", "versicolor"], IRIS) == {"joined"}
    assert asked("iris", "--csv", str(file)).exit_code == 0
    assert file.read_text().count(",versicolor\n") == 2


@pytest.mark.usefixtures("at_home")
def test_without_a_rollout_or_without_a_row_the_command_says_so() -> None:
    assert "iris has had no rollout" in asked("iris").output
    plan = Plan(candidate=NEW, production=OLD, shares=(0.0,), seconds=1, requests=1, margin=0.01)
    record.start("iris", plan, "a test")
    assert "No row is known" in asked("iris").output
    assert asked("iris", "--json").output == "[]\n"
