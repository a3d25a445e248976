"""A version is written whole, found again, and refused when anything about it differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jubako.models import Runtime
from jubako.versions import stages, store
from jubako.versions.golden import what_differs
from jubako.versions.manifest import VersionRefused
from tests.five import CARDS, MODELS
from tests.homes import Home


@pytest.fixture
def tag(iris_home: Home) -> str:
    found = stages.production("iris")
    assert found
    return found


@pytest.fixture
def folder(iris_home: Home, tag: str) -> Path:
    return iris_home.store / tag.replace(":", "/")


def refusal(tag: str) -> str:
    with pytest.raises(VersionRefused) as caught:
        store.open_version(tag, MODELS["iris"])
    assert tag in str(caught.value)
    return caught.value.why


@pytest.mark.parametrize(("engine", "computes"), [("auto", "onnxruntime"), ("native", "scikit-learn")])
def test_a_whole_version_opens_with_either_engine(tag: str, engine: str, computes: str) -> None:
    served = store.open_version(tag, MODELS["iris"], Runtime(engine=engine))
    assert served.model.engine == computes
    outputs = served.model.predict(served.model.encode(served.golden_rows))
    assert what_differs(served.model.card, outputs, served.golden) is None
    assert len(served.golden_rows) == 60  # every held-out flower; 64 where there are more


def test_bentoml_itself_lists_the_version_with_its_labels(tag: str) -> None:
    import bentoml

    (found,) = bentoml.models.list("iris")
    assert str(found.tag) == tag == str(bentoml.models.get("iris:latest").tag)
    assert found.info.labels["framework"] == "scikit-learn"
    assert found.info.labels["run_id"] == store.read_manifest(tag).run_id


def test_the_evidence_names_where_the_version_came_from(tag: str) -> None:
    manifest = store.read_manifest(tag)
    assert (manifest.data.source, manifest.data.rows, manifest.seed) == ("sklearn", 150, 7)
    assert manifest.schema_fingerprint == CARDS["iris"].fingerprint()
    assert manifest.metrics["accuracy"] == manifest.gate.value >= manifest.gate.bound
    assert manifest.parity["max_difference"] < 1e-5
    assert {"model.skops", "model.onnx", "golden.json", "reference.npz"} == set(manifest.files)


@pytest.mark.parametrize(
    "file", ["model.yaml", "manifest.json", "model.skops", "model.onnx", "golden.json", "reference.npz"]
)
def test_any_flipped_bit_of_any_file_is_refused_by_name(tag: str, folder: Path, file: str) -> None:
    whole = (folder / file).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 40).astype(int).tolist():
        (folder / file).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert file in refusal(tag)
    (folder / file).write_bytes(whole)
    assert store.open_version(tag, MODELS["iris"]).tag == tag


@pytest.mark.parametrize(
    "file", ["model.yaml", "manifest.json", "model.skops", "model.onnx", "golden.json", "reference.npz"]
)
def test_a_missing_or_shortened_file_is_refused_by_name(tag: str, folder: Path, file: str) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:-1])
    assert file in refusal(tag)
    (folder / file).unlink()
    assert file in refusal(tag)


def test_a_file_that_nobody_listed_is_refused(tag: str, folder: Path) -> None:
    (folder / "custom_objects.pkl").write_bytes(b"")
    assert "custom_objects.pkl" in refusal(tag)


def test_a_link_is_no_file_even_when_its_content_is_right(tag: str, folder: Path) -> None:
    elsewhere = folder.parent.parent / "elsewhere"
    shutil.move(folder / "model.onnx", elsewhere)
    (folder / "model.onnx").symlink_to(elsewhere)
    assert "model.onnx" in refusal(tag)


def test_the_evidence_of_another_version_does_not_fit(tag: str, folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("borrowed"))
    assert tag in refusal("iris:borrowed")


def test_a_version_of_another_card_is_refused(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    card = CARDS["iris"]
    monkeypatch.setattr(MODELS["iris"], "card", replace(card, outputs=(*card.outputs[:-1], "pansy")))
    assert "card" in refusal(tag)


def test_golden_rows_that_do_not_come_out_again_are_refused(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are right, but what computes here does not compute what training computed."""
    from bentos.iris.model import IrisModel

    right = IrisModel.predict
    monkeypatch.setattr(IrisModel, "predict", lambda self, batch: right(self, batch) * np.float32(1.001))
    assert "golden row" in refusal(tag)
    monkeypatch.setattr(IrisModel, "predict", lambda self, batch: right(self, batch)[:-1])
    assert "golden rows gave" in refusal(tag)


@pytest.mark.parametrize("name", ["iris:../../etc", "iris:", "iris:none", "rose:1", "../iris:1", "iris"])
def test_a_tag_can_name_nothing_but_a_version(iris_home: Home, name: str) -> None:
    assert "no such version" in refusal(name)


def test_the_reference_gives_every_monitored_column_of_the_card(tag: str) -> None:
    columns = store.read_reference(tag)
    card = CARDS["iris"]
    assert set(columns) == {signal.name for signal in (*card.signals, *card.answer_signals)}
    assert {len(column) for column in columns.values()} == {150}
    assert set(columns["species"]) == set(card.classes)


@pytest.mark.slow
def test_opening_a_version_unpickles_nothing(tag: str, iris_home: Home) -> None:
    """Asked of a fresh interpreter, because an audit hook stays for ever."""
    program = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("pickle.") else None)
from jubako.versions import store
from jubako.models import Runtime
from tests.five import MODELS
for engine in ("auto", "native"):
    store.open_version(sys.argv[1], MODELS["iris"], Runtime(engine=engine))
import pickle
assert not seen, seen
pickle.loads(pickle.dumps(Runtime))
assert seen, "the hook would not have seen it"
"""
    subprocess.run([sys.executable, "-c", program, tag], check=True, env=iris_home.environment, timeout=120)


def test_a_missing_category_and_a_missing_number_survive_the_reference_file() -> None:
    from jubako.versions import reference

    columns = {"plan": ["a", None, "b"], "age": np.array([1.0, np.nan, 3.0])}
    found = reference.read(reference.dump(columns))
    assert found["plan"] == ["a", None, "b"]
    np.testing.assert_array_equal(found["age"], columns["age"])


def test_golden_rows_hold_no_number_that_json_does_not_have(tag: str, folder: Path) -> None:
    json.loads((folder / "golden.json").read_text(), parse_constant=pytest.fail)
