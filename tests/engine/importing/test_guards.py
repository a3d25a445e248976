"""What an import never does: restore an unreviewed type, unpickle a torch archive, leave the model's folder."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest

from jubako.importing import pt2, trusted
from jubako.importing.artefact import open_artefact
from jubako.importing.refused import ImportRefused


class Unreviewed:
    def __init__(self) -> None:
        self.value = 1


def test_a_skops_file_with_an_unreviewed_type_is_refused_by_its_name(tmp_path: Path) -> None:
    import skops.io

    skops.io.dump([Unreviewed()], tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=r"types that nobody reviewed: .*Unreviewed"):
        trusted.load_skops(tmp_path / "model.skops")


def archive(folder: Path, name: str, content: bytes) -> Path:
    file = folder / "model.pt2"
    with zipfile.ZipFile(file, "w") as written:
        written.writestr(f"model/data/{name}", content)
    return file


def test_a_torch_archive_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    config = {"config": {"w": {"path_name": "weight_0", "use_pickle": True}}}
    file = archive(tmp_path, "weights/model_weights_config.json", json.dumps(config).encode())
    with pytest.raises(ImportRefused, match="pickled tensors"):
        pt2.check(file)


def test_a_torch_archive_whose_example_is_no_tensor_is_refused(tmp_path: Path) -> None:
    """``torch.export.load`` would unpickle it as code."""
    file = archive(tmp_path, "sample_inputs/model.pt", pickle.dumps(Unreviewed()))
    with pytest.raises(ImportRefused, match="no tensors"):
        pt2.check(file)


@pytest.mark.parametrize("named", ["../secret.ubj", "nowhere.ubj", ""])
def test_a_model_file_may_not_name_what_is_not_in_it(tmp_path: Path, named: str) -> None:
    (tmp_path / "secret.ubj").write_bytes(b"")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"xgboost": {"data": named}}, "model_uuid": "m"}))
    with pytest.raises(ImportRefused, match="which is not in it"):
        open_artefact(str(folder))


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="there is no MLmodel file in it"):
        open_artefact(str(tmp_path))
