"""Texts with labels in the forms in which people have them; what does not fit is told at once, all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jubako.training.recipe import DataRefused
from training.sentiment import RECIPE


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


FORMS = {
    "named.csv": 'text,label\n"Good, really",1\nBad,0\n',
    "other_names.csv": 'id,Sentiment,Review\n7,positive,"Good, really"\n8,NEG,Bad\n',
    "semicolons.csv": "label;text\npos;Good, really\nneg;Bad\n",
    "nameless.tsv": "Good, really\t1\nBad\t0\n",
    "nameless_turned.tsv": "1\tGood, really\n0\tBad\n",
    "windows.tsv": "\ufefftext\tlabel\r\nGood, really\tpositive\r\nBad\tnegative\r\n",
    "whole_numbers.csv": 'text,label\n"Good, really",1.0\nBad,0.0\n',
    "plain.txt": "Good, really\t1\n\nBad\t0\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_each_usual_form_is_read_as_the_same_texts(tmp_path: Path, name: str) -> None:
    read = RECIPE.read(written(tmp_path, name, FORMS[name]))
    assert [row.model_dump() for row in read.rows] == [{"text": "Good, really"}, {"text": "Bad"}]
    assert read.truth.tolist() == [1, 0]


def test_quotation_marks_in_a_tsv_are_part_of_the_review(tmp_path: Path) -> None:
    text = '"Great" they said\t1\n"half a quote\t0\n"say ""yes"" now"\t1\n'
    read = RECIPE.read(written(tmp_path, "quotes.tsv", text))
    assert [row.model_dump()["text"] for row in read.rows] == ['"Great" they said', '"half a quote', 'say "yes" now']


def test_the_same_text_twice_is_one_group_that_no_split_divides(tmp_path: Path) -> None:
    read = RECIPE.read(written(tmp_path, "twice.tsv", "Good  phone\t1\nBad\t0\ngood phone\t1\n"))
    assert read.groups is not None
    assert read.groups[0] == read.groups[2] != read.groups[1]


def test_every_complaint_is_listed_with_its_column_count_and_an_example(tmp_path: Path) -> None:
    rows = ["ok,1", ",0", "fine,maybe", "poor,7", "x" * 4_001 + ",1", "nul \x00 inside,0"]
    with pytest.raises(DataRefused) as caught:
        RECIPE.read(written(tmp_path, "faulty.csv", "review,label\n" + "\n".join(rows) + "\n"))
    told = caught.value.complaints
    assert len(told) == 4
    assert any(line.startswith("label: unknown category") and "2 rows" in line and "'maybe'" in line for line in told)
    assert any(line.startswith("review: empty") for line in told)
    assert any("4000" in line for line in told)
    assert any("NUL" in line for line in told)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", "", "no rows"),
        ("only_names.csv", "text,label\n", "no rows"),
        ("no_label.csv", "text,stars\ngood,5\n", "label: column missing"),
        ("no_text.csv", "label,words\n1,good\n", "text: column missing"),
        ("nothing_known.csv", "words,stars\ngood,5\nbad,1\nso so,3\n", "no column is called text"),
        ("one_class.tsv", "good\t1\nfine\t1\n", "nothing to learn"),
        ("ragged.tsv", "good\t1\nbad\n", "1 rows do not have 2 columns"),
        ("twice.csv", "text,text,label\na,b,1\n", "stands 2 times"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_words(tmp_path: Path, name: str, content: str, says: str) -> None:
    with pytest.raises(DataRefused, match=says):
        RECIPE.read(written(tmp_path, name, content))


def test_bytes_that_are_no_text_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("text,label\ncaf\u00e9,1\n".encode("latin-1"))
    with pytest.raises(DataRefused, match="not UTF-8"):
        RECIPE.read(tmp_path / "latin.csv")
    with pytest.raises(DataRefused, match="hf:PATH"):
        RECIPE.read(tmp_path)


def test_a_local_data_set_in_the_form_of_the_hub_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    written(tmp_path / "set", "train.csv", "sentence,label\nGood phone,1\nBad phone,0\n")
    fetched = RECIPE.fetch(f"hf:{tmp_path / 'set'}")
    assert [row.model_dump()["text"] for row in fetched.rows] == ["Good phone", "Bad phone"]
    assert fetched.truth.tolist() == [1, 0]


def test_an_unknown_source_is_refused_with_the_known_one() -> None:
    with pytest.raises(DataRefused, match="hf:NAME"):
        RECIPE.fetch("sklearn")
