"""The image net: the same answers from every engine and in any company, and signals that mean what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bentos.image.card import CARD, COLOURS, ImageRow
from bentos.image.model import STEP, ImageModel, network
from jubako.models import Runtime
from jubako.pictures import MAX_PIXELS, PIXELS, ROW_BYTES, SIDE
from tests.collection.models.picture_files import png, saved
from training.image import RECIPE

NATIVE = Runtime(engine="native")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net of random weights, saved and exported: engines must agree on any."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        net = network([24, 16, 32, 8])
    net.get_parameter("places.weight").data *= 0.05
    net.get_parameter("colours.weight").data *= 20
    model = ImageModel.of(net)
    folder = tmp_path_factory.mktemp("image")
    model.save(folder)
    assert RECIPE.export(model, folder, rows(64)) == {
        "max_difference": pytest.approx(0, abs=1e-5),
        "equal_labels": 1.0,
    }
    return folder


def rows(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Encoded rows of noise in many brightnesses."""
    chance = np.random.default_rng(seed)
    batch = chance.integers(0, 256, (count, ROW_BYTES), np.uint8)
    return (batch * chance.uniform(0.1, 1.0, (count, 1))).astype(np.uint8)


def test_answers_of_the_random_net_differ_so_that_mixed_up_rows_would_show(folder: Path) -> None:
    assert np.ptp(ImageModel.load(folder).predict(rows(64)), axis=0).max() > 0.1


def test_both_engines_give_the_same_probabilities(folder: Path) -> None:
    fast, native = ImageModel.load(folder), ImageModel.load(folder, NATIVE)
    assert (fast.engine, native.engine) == ("onnxruntime", "torch")
    np.testing.assert_allclose(fast.predict(rows(300)), native.predict(rows(300)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("runtime", [Runtime(), NATIVE])
def test_a_row_has_the_same_answer_in_batches_of_any_size(folder: Path, runtime: Runtime) -> None:
    """Also across the border where a batch is cut in two."""
    model, batch = ImageModel.load(folder, runtime), rows(2 * STEP["cpu"] + 3)
    whole = model.predict(batch)
    for size in (1, 7, STEP["cpu"] - 1, STEP["cpu"], STEP["cpu"] + 1):
        parts = [model.predict(batch[at : at + size]) for at in range(0, len(batch), size)]
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("runtime", [Runtime(), NATIVE])
def test_no_rows_have_no_answers(folder: Path, runtime: Runtime) -> None:
    assert ImageModel.load(folder, runtime).predict(rows(0)).shape == (0, len(COLOURS))


@pytest.mark.parametrize("runtime", [Runtime(), NATIVE])
def test_the_size_at_the_end_of_a_row_is_not_looked_at(folder: Path, runtime: Runtime) -> None:
    model, batch = ImageModel.load(folder, runtime), rows(5)
    other = batch.copy()
    other[:, PIXELS:] = 255 - other[:, PIXELS:]
    assert (model.predict(batch) == model.predict(other)).all()


@pytest.mark.parametrize("runtime", [Runtime(), NATIVE])
def test_rows_may_be_read_only_and_lie_anywhere_in_memory(folder: Path, runtime: Runtime) -> None:
    """They come from the wire: a view of bytes that nobody may change."""
    model, batch = ImageModel.load(folder, runtime), rows(6)
    frozen = np.frombuffer(batch.tobytes(), np.uint8).reshape(batch.shape)
    assert (model.predict(frozen) == model.predict(batch)).all()
    assert (model.predict(frozen[::-2]) == model.predict(batch)[::-2]).all()


def test_probabilities_are_positive_and_sum_to_one(folder: Path) -> None:
    outputs = ImageModel.load(folder).predict(rows(50))
    assert outputs.dtype == np.float32
    assert (outputs >= 0).all()
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)


def test_serving_needs_no_torch(folder: Path) -> None:
    program = f"""
import sys
from pathlib import Path
import numpy as np
from bentos.image.model import ImageModel
model = ImageModel.load(Path({str(folder)!r}))
assert model.predict(np.zeros((2, {ROW_BYTES}), np.uint8)).shape == (2, 10)
sys.exit(" ".join({{"torch", "onnx", "safetensors", "training", "PIL"}} & set(sys.modules)) or 0)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_what_was_saved_natively_comes_back_bit_by_bit(folder: Path, tmp_path: Path) -> None:
    model = ImageModel.load(folder, NATIVE)
    model.save(tmp_path)
    again = ImageModel.load(tmp_path)  # there is no export here
    assert again.engine == "torch"
    assert (again.predict(rows(9)) == model.predict(rows(9))).all()


def test_a_model_from_onnx_says_that_it_cannot_be_saved(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="native"):
        ImageModel.load(folder).save(tmp_path)


def test_the_native_engine_keeps_to_its_threads(folder: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        ImageModel.load(folder, Runtime(engine="native", threads=1))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_likeliest_colour_is_the_category() -> None:
    outputs = np.full((2, 10), 0.05, np.float32)
    outputs[0, 7], outputs[1, 1] = 0.55, 0.55
    answers = ImageModel.decode(outputs)
    assert [answer["category"] for answer in answers] == ["red", "blue"]
    assert list(answers[0]["probabilities"]) == list(COLOURS)
    assert answers[0]["probabilities"]["red"] == pytest.approx(0.55)
    for answer in answers:
        CARD.prediction.model_validate({"id": "image:1:x", **answer}, strict=True)


def signals_of(*files: bytes) -> dict[str, list[object]]:
    batch = ImageModel.encode([ImageRow(data=file) for file in files])
    outputs = np.eye(10, dtype=np.float32)[: len(files)]
    return {name: np.asarray(column).tolist() for name, column in ImageModel.signals(batch, outputs).items()}


def test_signals_say_how_bright_contrasting_and_colourful_a_picture_is() -> None:
    striped = Image.new("RGB", (64, 64), "white")
    striped.paste("black", (0, 0, 32, 64))
    found = signals_of(
        saved(Image.new("RGB", (40, 30), "black"), "PNG"),
        saved(Image.new("RGB", (8, 8), "white"), "PNG"),
        saved(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG"),
        saved(striped, "PNG"),
    )
    assert list(found) == [signal.name for signal in (*CARD.signals, *CARD.answer_signals)]
    assert found["brightness"] == pytest.approx([0, 1, 0.299, 0.5], abs=0.01)
    assert found["contrast"] == pytest.approx([0, 0, 0, 0.5], abs=0.01)
    assert found["saturation"] == pytest.approx([0, 0, 1, 0], abs=0.01)
    assert found["pixels"] == [1200, 64, 64, 4096]
    assert found["category"] == ["black", "blue", "brown", "green"]
    assert found["confidence"] == [1, 1, 1, 1]


def test_the_largest_picture_stays_within_the_cards_range() -> None:
    assert signals_of(png(5_000, 5_000, depth=1))["pixels"] == [MAX_PIXELS]


def test_signals_of_many_rows_are_those_of_each() -> None:
    batch, outputs = rows(20), np.random.default_rng(1).dirichlet(np.ones(10), 20).astype(np.float32)
    whole = ImageModel.signals(batch, outputs)
    for place in range(len(batch)):
        alone = ImageModel.signals(batch[place : place + 1], outputs[place : place + 1])
        for name, column in alone.items():
            assert column[0] == pytest.approx(whole[name][place])


def test_a_gpu_gives_the_same_labels(folder: Path) -> None:
    """In bfloat16: where one colour is clearly ahead, it stays ahead."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    model = ImageModel.load(folder, Runtime(device="cuda"))
    assert model.engine == "torch bf16"
    expected = ImageModel.load(folder).predict(rows(500))
    first, second = np.sort(expected, axis=1)[:, -1], np.sort(expected, axis=1)[:, -2]
    clear = first - second > 0.1
    assert clear.sum() > 50
    assert (model.predict(rows(500)).argmax(axis=1) == expected.argmax(axis=1))[clear].all()


def test_the_net_looks_at_every_pixel(folder: Path) -> None:
    """No border is left out by the first layer's steps."""
    model, grey = ImageModel.load(folder, NATIVE), np.full((1, ROW_BYTES), 128, np.uint8)
    for place in (0, SIDE - 1, SIDE * (SIDE - 1), SIDE * SIDE - 1):
        changed = grey.copy()
        changed[0, place * 3 : place * 3 + 3] = 255
        assert (model.predict(changed) != model.predict(grey)).any()
