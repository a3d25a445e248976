"""New words of a text model are found and named; what one person wrote is neither kept nor shown."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.studies import new_words
from jubako.batch import of_texts
from jubako.card import AnyCard
from jubako.collection import Collection
from jubako.models import AnyModel
from jubako.monitoring.archive import word_files
from jubako.monitoring.archive.word_files import WordRecorder, newest
from jubako.monitoring.record.observations import Observation
from jubako.monitoring.record.recorder import Recorder
from jubako.monitoring.report.monitor import DriftMonitor
from jubako.monitoring.report.report import MonitoringReport
from jubako.settings import MonitoringSettings
from jubako.text import TextModel
from jubako.versions import known_words, stages, store, writing
from jubako.versions.golden import Golden
from jubako.versions.known_words import KnownWords
from jubako.versions.manifest import TrainingFacts
from tests.engine.monitoring.made import START, Clock
from tests.engine.tiny.models import NoteModel, NotePrediction, NoteRow
from tests.engine.tiny.versions import make


class TalkModel(NoteModel, TextModel[NoteRow, NotePrediction]):
    """The tiny text model, as a text model of the engine."""

    card: ClassVar[AnyCard] = NoteModel.card


NOTES: type[AnyModel] = TalkModel
THINGS = ("phone", "case", "battery", "charger", "screen", "cable", "speaker", "kettle", "jacket", "lamp")
OPINIONS = ("great", "lovely", "awful", "fine", "broken", "poor", "superb", "slow", "loud", "cheap")


def texts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [
        f"the {chance.choice(THINGS)} is {chance.choice(OPINIONS)} and {chance.choice(OPINIONS)}" for _ in range(count)
    ]


KNOWN = KnownWords.of(texts(4_000, 1), texts(1_000, 2))


def write_with_words() -> str:
    """A version of the tiny text model that knows the words of its training, in production."""
    tag = make(NOTES)
    folder, (name, _, version) = store.home.model_store(), tag.partition(":")
    source = folder / name / version
    manifest = store.read_manifest(tag)
    facts = TrainingFacts(**{key: getattr(manifest, key) for key in TrainingFacts.model_fields})
    golden = Golden.read((source / "golden.json").read_bytes(), NOTES.card)
    columns = store.read_reference(tag)
    columns = {
        key: [*values] * 600 if isinstance(values, list) else values.repeat(600) for key, values in columns.items()
    }
    place = folder.parent / "files"
    place.mkdir()
    for file in manifest.files.keys() - {"golden.json", "reference.npz"}:
        shutil.copy(source / file, place / file)
    (place / known_words.FILE).write_bytes(KNOWN.dump())
    tag = writing.write(facts, "with-words", place, golden, columns, model=NOTES)
    stages.promote(NOTES, "with-words", "it knows words")
    return tag


def report(folder: Path, given: Sequence[str], version: str) -> MonitoringReport:
    """After these texts were answered."""
    clock, models = Clock(), {"notes": NOTES}
    recorder = Recorder(folder, MonitoringSettings(), models, clock)
    recorder.start()
    batch = of_texts(given)
    outputs = NOTES(1.0).predict(batch)  # type: ignore[call-arg, abstract]
    for place in range(0, len(given), 50):
        part = slice(place, place + 50)
        recorder.observe(Observation("notes", version, f"m{place}", batch[part], outputs[part], clock()))
    assert recorder.stop(30.0)
    return DriftMonitor(folder, Collection.of("tiny", [NOTES]), clock=Clock()).report("notes")


@pytest.mark.parametrize("slang", [False, True], ids=["quiet", "slang"])
def test_new_words_are_a_drift_that_names_them(tmp_path: Path, slang: bool) -> None:
    version = write_with_words().partition(":")[2]
    given = texts(600, 3)
    if slang:
        given[::20] = [f"{text}, no cap it is mid" for text in given[::20]]
    found = {column.column: column for column in report(tmp_path, given, version).columns}
    words = found["new_words"]
    assert words.state == ("drifted" if slang else "stable"), words
    assert sorted(bar.label for bar in words.bars) == (["cap", "it", "mid", "no"] if slang else [])
    if slang:
        assert "“mid”" in words.reason
        assert {bar.live for bar in words.bars} == {0.05}
    assert found["log_probability"].state in ("stable", "drifted")


def test_a_version_from_before_says_plainly_that_it_knows_no_words(tmp_path: Path) -> None:
    version = make(NOTES).partition(":")[2]
    told = report(tmp_path, texts(600, 3), version)
    words = next(column for column in told.columns if column.column == "new_words")
    assert words.state == "no reference"
    assert "train it again" in words.reason
    assert not list(tmp_path.glob("words/**/*.json"))


def test_what_few_wrote_is_never_on_the_disk(tmp_path: Path) -> None:
    recorder = WordRecorder(tmp_path, "abc", lambda _tag: KNOWN)
    recorder.track("notes", "v", ["my name is Rumpelstilzchen"] * 2 + ["the phone is great"] * 3, START)
    recorder.save(START)
    (file,) = tmp_path.rglob("*.json")
    assert "rumpelstilzchen" not in file.read_text()
    assert "phone" in file.read_text()


def test_blocks_add_up_from_the_newest_until_there_are_enough_texts(tmp_path: Path) -> None:
    recorder = WordRecorder(tmp_path, "abc", lambda _tag: KNOWN)
    for minute in range(4):
        recorder.track("notes", "v", texts(500, minute), START + 70 * minute)
        recorder.save(START + 70 * minute + 65)
    assert newest(tmp_path, "notes", "v", 0.0, 1_000).texts == 1_000
    assert newest(tmp_path, "notes", "v", 0.0, 10_000).texts == 2_000
    assert newest(tmp_path, "notes", "other", 0.0, 10_000).texts == 0
    word_files.prune(tmp_path, 9e99)
    assert newest(tmp_path, "notes", "v", 0.0, 10_000).texts == 0


def test_a_flood_is_sampled_not_kept(tmp_path: Path) -> None:
    recorder = WordRecorder(tmp_path, "abc", lambda _tag: KNOWN)
    for _ in range(30):
        recorder.track("notes", "v", texts(100, 0), START)
    recorder.save(START)
    assert newest(tmp_path, "notes", "v", 0.0, 10_000).texts == word_files.MOST_TEXTS


def test_known_words_come_back_as_they_were_and_say_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    again = KnownWords.read(KNOWN.dump())
    assert (again.texts, again.counts, again.left_out) == (KNOWN.texts, KNOWN.counts, 0)
    assert len(again.log_probabilities) == 1_000
    monkeypatch.setattr(known_words, "MOST_WORDS", 5)
    few = KnownWords.of(["a b c d e f", "a b c d e f"], [])
    assert (len(few.counts), few.count("never seen")) == (5, 2)


def test_slang_is_found_within_500_texts_and_quiet_texts_alarm_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small run of the study; its numbers stand in docs/operations.md."""
    monkeypatch.setattr(new_words, "LEARNED", 8_000)
    known = new_words.known_words()
    chance = random.Random(0)
    quiet = list(new_words.windows(4, 1_000))
    assert not [words for texts in quiet if (words := new_words.named(known, texts))]
    for window in quiet:
        assert new_words.named(known, new_words.with_slang(window, 0.015, chance)) >= set(new_words.SLANG)
