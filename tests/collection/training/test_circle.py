"""The circle with real parts: labelled live rows of iris, a real store, MLflow, and a rollout at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from jubako.loop import record
from jubako.loop.looking import look, sort_rows
from jubako.loop.policy import PolicyMemory
from jubako.loop.sources import FileRows, LiveRows
from jubako.loop.turn import Turn
from jubako.rollout import record as rollouts
from jubako.versions import stages, store
from tests.collection.training.circle import IRIS, NOW, SETTINGS, flowers, serve_and_label, started, window
from tests.five import CARDS, RECIPES

pytestmark = pytest.mark.usefixtures("quick", "iris_home")


def test_a_shift_is_noticed_retrained_judged_on_unseen_rows_and_rolled_out(in_process: None) -> None:
    before = stages.production("iris")
    serve_and_label(240, NOW - 3_000, moved=False)
    assert window(NOW) == ["nothing/quiet"]
    serve_and_label(480, NOW + 100, seed=1)
    assert window(NOW + 3_600) == ["train/quality", "roll out/accepted"]
    candidate = stages.candidate("iris")
    assert candidate is not None
    assert stages.production("iris") == before
    manifest = store.read_manifest(candidate)
    assert manifest.data.own == "sklearn"
    assert "newest and" in manifest.data.source
    assert manifest.gate.production == before
    assert manifest.gate.value > manifest.gate.production_value + 0.1
    started = rollouts.read("iris")
    assert started.current is not None
    assert (started.current.plan.candidate, started.history[0].who) == (manifest.version, "loop")
    assert started.current.plan.seconds == 1
    kept = record.read("iris")
    assert kept.training is not None
    assert (kept.training.state, kept.training.version) == ("rolled out", manifest.version)
    assert window(NOW + 3_700) == ["nothing/quiet"], "what was started once is not started again"
    assert len(rollouts.read("iris").history) == 1


def test_control_rows_are_never_learnt_from(in_process: None) -> None:
    """They judge every version: one that learnt from them would be judged on rows that it knows."""
    from jubako.loop import learning

    serve_and_label(480, NOW + 100, seed=1)
    rows = LiveRows(IRIS).read(NOW + 1_000)
    found = sort_rows(rows, PolicyMemory(), SETTINGS.control_share)
    production = store.read_manifest(stages.production("iris") or "")
    given = learning.request(RECIPES["iris"], found, production, started(), SETTINGS).given
    assert given is not None
    learnt = {row.model_dump_json() for row in given.learn.rows}
    assert not learnt & {row.model_dump_json() for row in given.unseen.rows}
    assert 20 <= len(given.unseen) <= int(found.control.sum())
    labelled = {row.model_dump_json() for row in IRIS.rows(rows.batch)}
    newest = given.learn.rows[: len(given.learn) // 2]
    assert len(given.learn) == 2 * len(newest)
    assert all(row.model_dump_json() in labelled for row in newest)
    assert len(given.learn) == pytest.approx(production.data.rows - production.data.held_out, abs=8)


def test_wrong_truth_blocks_and_its_rows_stay_out(in_process: None) -> None:
    serve_and_label(480, NOW + 100, moved=False, wrong=True)
    (decision,) = Turn(SETTINGS).window("iris", NOW + 3_600)
    assert (decision.action, decision.reason, decision.faults[0].column) == ("nothing", "data fault", "truth")
    facts = look(IRIS, LiveRows(IRIS), record.read("iris").memory, SETTINGS, NOW + 7_200)
    assert (facts.fresh, facts.unseen) == (0, 0)


def test_a_poisoned_training_does_not_become_a_version(in_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where data faults are released, the card's bound still stands: better than production is not enough."""
    monkeypatch.setattr("jubako.loop.looking.truth_fault", lambda *_: None)
    before = store.versions("iris")
    serve_and_label(480, NOW + 100, moved=False, wrong=True)
    assert window(NOW + 3_600) == ["train/quality", "nothing/refused"]
    assert store.versions("iris") == before
    last = record.read("iris").history[-1]
    assert "does not reach the gate" in last.why or "class" in last.why
    assert rollouts.read("iris").current is None


def test_labelled_rows_come_from_a_file_too(in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team that joins truth itself appends lines; each is read once."""
    file = tmp_path / "labels.csv"
    batch, truth = flowers(900, 3, moved=True)
    columns = CARDS["iris"].columns
    lines = [",".join(map(str, [*row, CARDS["iris"].classes[int(of)]])) for row, of in zip(batch, truth, strict=True)]
    file.write_text("\n".join([",".join([*columns, "species"]), *lines]) + "\n")
    settings = SETTINGS.model_copy(update={"data": {"iris": str(file)}})
    facts = look(IRIS, FileRows(RECIPES["iris"], file), PolicyMemory(), settings, NOW)
    assert facts.seen == 900
    assert facts.fresh + facts.unseen == 900
    assert facts.drift == "drifted"
    assert set(facts.drifted) >= {"petal_length"}
    monkeypatch.setattr("tests.collection.training.circle.SETTINGS", settings)
    told = [one.action for one in Turn(settings).window("iris", NOW)]
    assert told == ["train", "roll out"]
    again = look(IRIS, FileRows(RECIPES["iris"], file), record.read("iris").memory, settings, NOW + 10)
    assert (len(again.losses), again.fresh) == (0, 0)
