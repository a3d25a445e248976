"""One small file says which version serves; it is always whole, and nothing moves that was not proven."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from jubako.commands.versions import models
from jubako.models import AnyModel
from jubako.versions import stages, store
from jubako.versions.history import ModelStages, first_edited
from jubako.versions.manifest import VersionRefused
from jubako.versions.stages import StageChangeRefused, StagesUnreadable
from tests.five import MODELS
from tests.homes import Home
from tests.versions import write_again


@pytest.fixture
def first(iris_home: Home) -> str:
    tag = stages.production("iris")
    assert tag
    return tag.partition(":")[2]


def test_nothing_serves_before_anything_was_admitted() -> None:
    assert stages.production("iris") is None
    assert stages.candidate("iris") is None
    assert stages.history("iris") == ()


def test_the_first_version_serves_and_later_ones_wait(first: str) -> None:
    assert stages.admit(MODELS["iris"], write_again("second"), "trained again") == "candidate"
    assert stages.production("iris") == f"iris:{first}"
    assert stages.candidate("iris") == "iris:second"


def test_a_history_says_who_and_shows_an_edited_entry(first: str) -> None:
    stages.admit(MODELS["iris"], write_again("second"), "trained again")
    stages.promote(MODELS["iris"], "second", "better", who="judge")
    stages.rollback(MODELS["iris"], "it was not")
    assert [bool(change.who) for change in stages.history("iris")] == [True] * 4
    assert stages.history("iris")[2].who == "judge"
    command = CliRunner().invoke(models, ["iris", "--verify"])
    assert (command.exit_code, command.output) == (0, "none of the 4 entries was edited\n")
    file = stages.pointer_file()
    file.write_text(file.read_text().replace('"better"', '"worse"'))
    assert first_edited(stages.history("iris")) == 2
    command = CliRunner().invoke(models, ["iris", "--verify"])
    assert command.exit_code == 1
    assert "iris: entry 3 of its history (promote of second" in command.output


def test_promoting_and_rolling_back_walk_the_history(first: str) -> None:
    for name in ("second", "third"):
        stages.admit(MODELS["iris"], write_again(name), "trained again")
    stages.promote(MODELS["iris"], "second", "better")
    stages.promote(MODELS["iris"], "third", "better still")
    assert stages.candidate("iris") is None
    assert stages.rollback(MODELS["iris"], "it was not").target == "second"
    assert stages.rollback(MODELS["iris"], "nor was that").target == first
    with pytest.raises(StageChangeRefused, match="no earlier production version"):
        stages.rollback(MODELS["iris"], "and that")
    moves = [(move.action, move.source, move.target) for move in stages.history("iris")]
    assert moves == [
        ("first", None, first),
        ("candidate", None, "second"),
        ("candidate", "second", "third"),
        ("promote", first, "second"),
        ("promote", "second", "third"),
        ("rollback", "third", "second"),
        ("rollback", "second", first),
    ]
    assert stages.history("iris")[3].why == "better"
    assert stages.history("iris")[3].metrics["accuracy"] >= 0.9


def test_a_version_that_does_not_open_is_never_promoted(first: str, iris_home: Home) -> None:
    stages.admit(MODELS["iris"], write_again("second"), "trained again")
    (iris_home.store / "iris" / "second" / "model.onnx").write_bytes(b"something else")
    with pytest.raises(VersionRefused, match=r"iris:second is refused: model\.onnx was changed"):
        stages.promote(MODELS["iris"], "second", "looked good")
    assert stages.production("iris") == f"iris:{first}"


def test_a_rollback_to_a_version_that_is_gone_changes_nothing(first: str, iris_home: Home) -> None:
    stages.promote(MODELS["iris"], write_again("second"), "better")
    shutil.rmtree(iris_home.store / "iris" / first)
    with pytest.raises(VersionRefused, match=first):
        stages.rollback(MODELS["iris"], "worse")
    assert stages.production("iris") == "iris:second"


def test_a_new_version_replaces_one_in_production_that_is_broken(first: str, iris_home: Home) -> None:
    write_again("second")
    (iris_home.store / "iris" / first / "model.skops").unlink()
    assert stages.admit(MODELS["iris"], "second", "trained again") == "production"
    assert "model.skops" in stages.history("iris")[-1].why


def test_of_two_trainings_that_end_at_once_one_serves_and_one_waits(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_again("second")
    stages.pointer_file().unlink()
    right = store.open_version

    def slow(tag: str, model: type[AnyModel]) -> store.LoadedVersion:
        monkeypatch.setattr(store, "open_version", right)
        assert stages.admit(MODELS["iris"], first, "the other training") == "production"
        return right(tag, model)

    monkeypatch.setattr(store, "open_version", slow)
    assert stages.admit(MODELS["iris"], "second", "this training") == "candidate"
    assert (stages.production("iris"), stages.candidate("iris")) == (f"iris:{first}", "iris:second")


def test_promoting_what_serves_already_is_refused_in_words(first: str) -> None:
    with pytest.raises(StageChangeRefused, match="already is in production"):
        stages.promote(MODELS["iris"], first, "again")


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"format": 1, "models": {"iris": {"produ', b"[]", b"\xff\xfe", b'{"format": 2}']
)
def test_a_damaged_pointer_file_is_an_error_that_names_it_and_no_guess(home: Home, content: bytes) -> None:
    stages.pointer_file().parent.mkdir(parents=True)
    stages.pointer_file().write_bytes(content)
    with pytest.raises(StagesUnreadable, match=r"stages\.json is damaged.*jubako promote"):
        stages.production("iris")


def test_a_reader_never_sees_half_a_file_while_others_write(first: str) -> None:
    done = threading.Event()
    seen: list[ModelStages] = []

    def read() -> None:
        while not done.is_set():
            seen.append(stages.stages_of("iris"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(60):
            stages._change("iris", f"v{turn}", lambda now, turn=turn: now.model_copy(update={"candidate": f"v{turn}"}))
    finally:
        done.set()
        reader.join()
    assert {shelf.production for shelf in seen} == {first}


def _add_versions(part: int) -> None:
    for turn in range(20):
        stages._change(
            f"model-{part}", str(turn), lambda now, turn=turn: stages._changed(now, "candidate", str(turn), "", {})
        )


def test_two_processes_that_write_at_once_lose_nothing(first: str) -> None:
    """Each changes its own model in the one file, so a lost update would show."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_versions, args=(part,)) for part in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    models = json.loads(stages.pointer_file().read_text())["models"]
    assert [len(models[f"model-{part}"]["history"]) for part in range(2)] == [20, 20]


def test_the_pointer_leaves_no_drafts_behind(first: str) -> None:
    left = {path.name for path in stages.pointer_file().parent.iterdir() if path.is_file()}
    assert left == {"stages.json", "stages.lock"}
    assert isinstance(stages.pointer_file(), Path)
