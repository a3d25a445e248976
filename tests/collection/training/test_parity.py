"""A faster engine that answers differently does not get into a version."""

from pathlib import Path

import pytest

from jubako.training.parity import SAME, kept


@pytest.mark.parametrize(
    ("apart", "stays"), [(0.0, True), (SAME, True), (2 * SAME, False), (float("nan"), False)], ids=str
)
def test_an_engine_stays_only_when_it_answers_as_the_native_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, apart: float, stays: bool
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"")
    assert kept(file, {"max_difference": apart, "equal_labels": 1.0})["equal_labels"] == 1.0
    assert file.exists() == stays
    assert ("left out" in caplog.text) != stays
