"""The sentiment model: the same answer to a text whatever stands beside it, whatever people type, with each engine."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bentos.sentiment.card import CARD, MAX_CHARACTERS, SentimentRow
from bentos.sentiment.model import SentimentModel
from jubako.batch import concat, of_texts
from jubako.models import Batch, Runtime
from jubako.onnx import ONNX_FILE
from jubako.text import MAX_TOKENS, TOKENIZER_FILE, Ids
from jubako.training.recipe import Params, no_log
from training.sentiment import RECIPE

TINY: Params = {**RECIPE.defaults, "made_first": 0, "epochs": 1, "width": 32, "vocabulary": 600}

STRANGE = [
    "GREAT!!! \N{GRINNING FACE}\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    "\u05de\u05d5\u05e6\u05e8 \u05de\u05e2\u05d5\u05dc\u05d4",  # Hebrew
    "\u0645\u0645\u062a\u0627\u0632 \u062c\u062f\u0627",  # Arabic
    "\u975e\u5e38\u597d\u7528\uff01",
    "Cafe\u0301 na\u00efve \u201cquoted\u201d don\u2019t",
    "\u200b\u200d\ufeff",  # nothing that can be seen, yet no white space
    "\x01\x02\x7f",
    "a" * MAX_CHARACTERS,
    "?",
    "tab\tand\nnew line",
    "[PAD] [UNK] [CLS] [SEP] [MASK]",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = RECIPE.make(5, 300)
    batch = RECIPE.model.encode(made.rows)
    model = RECIPE.fit(batch, made.truth, TINY, seed=5, log=no_log).model
    place = tmp_path_factory.mktemp("sentiment")
    model.save(place)
    RECIPE.export(model, place, batch[:40])
    return place


@pytest.fixture(params=["native", "auto"])
def model(request: pytest.FixtureRequest, folder: Path) -> SentimentModel:
    return SentimentModel.load(folder, Runtime(engine=request.param))


def encoded(*texts: str) -> Batch:
    return SentimentModel.encode([SentimentRow(text=text) for text in texts])


def test_strange_texts_get_an_answer_like_any_other(model: SentimentModel) -> None:
    outputs = model.predict(encoded(*STRANGE))
    assert np.isfinite(outputs).all()
    assert ((outputs[:, 0] >= 0) & (outputs[:, 0] <= 1)).all()
    assert ((outputs[:, 1] >= 0) & (outputs[:, 1] <= 1)).all()


def test_no_text_changes_the_answer_to_another(model: SentimentModel) -> None:
    """Neither by being longer, so that the other is padded, nor by having larger numbers inside."""
    few, many = encoded("not good", "love it"), encoded(*STRANGE, "word " * 300, *["so so"] * 90)
    together = model.predict(concat([few, many]))[:2]
    np.testing.assert_allclose(together, model.predict(few), atol=1e-5)
    np.testing.assert_allclose(together, np.concatenate([model.predict(few[:1]), model.predict(few[1:])]), atol=1e-5)


def test_answers_stand_where_their_texts_stood(model: SentimentModel) -> None:
    texts = encoded(*(f"{'very ' * (place % 23)}good {place}" for place in range(70)))
    outputs = model.predict(texts)
    np.testing.assert_allclose(outputs[::-1], model.predict(texts[::-1]), atol=1e-5)


def test_a_text_is_cut_where_the_longest_ends(model: SentimentModel) -> None:
    batch = encoded("good " * 260, "good " * 260 + "bad " * 200)
    outputs = model.predict(batch)
    assert [len(line) for line in model.tokenizer(batch.tolist())] == [MAX_TOKENS, MAX_TOKENS]
    assert outputs[0, 0] == pytest.approx(outputs[1, 0], abs=1e-6)


def test_one_spelling_of_what_looks_the_same() -> None:
    assert encoded("Caf\u00e9  is\n good ", "Cafe\u0301 is good").tolist() == ["Caf\u00e9 is good"] * 2


def test_no_texts_get_no_answers(model: SentimentModel) -> None:
    assert model.predict(of_texts([])).shape == (0, len(CARD.outputs))


def test_words_of_another_script_are_told_to_monitoring(model: SentimentModel) -> None:
    outputs = model.predict(encoded("good phone", "\u05de\u05e2\u05d5\u05dc\u05d4 \u0645\u0645\u062a\u0627\u0632"))
    assert outputs[:, 1].tolist() == [0.0, 1.0]


def test_what_is_measured_of_a_text_is_what_it_says() -> None:
    outputs = np.array([[0.2, 0.25], [0.9, 0]], dtype=np.float32)
    columns = SentimentModel.signals(of_texts(["not good 42!", "ok"]), outputs)
    assert {name: list(column) for name, column in columns.items() if name != "score"} == {
        "characters": [12.0, 2.0],
        "words": [3.0, 1.0],
        "unknown_share": [0.25, 0.0],
        "letter_share": [0.7, 1.0],
        "label": ["negative", "positive"],
    }
    np.testing.assert_allclose(columns["score"], [0.8, 0.9], rtol=1e-6)  # type: ignore[arg-type]


def test_the_label_is_the_likelier_one_and_its_score_at_least_a_half() -> None:
    answers = SentimentModel.decode(np.array([[0.5, 0], [0.25, 0]], dtype=np.float32))
    assert answers == [{"label": "positive", "score": 0.5}, {"label": "negative", "score": 0.75}]


#: Ends with what was loaded, and says when something was unpickled.
SERVE = """
import os
import sys
def heard(event, _):
    assert not event.startswith("pickle"), event
sys.addaudithook(heard)
from pathlib import Path
from jubako.batch import of_texts
from jubako.models import Runtime
from bentos.sentiment.model import SentimentModel
model = SentimentModel.load(Path(sys.argv[1]), Runtime(engine=sys.argv[2]))
threads = len(os.listdir("/proc/self/task"))
print(model.engine, len(model.predict(of_texts(["good", "bad"]))))
print(len(os.listdir("/proc/self/task")) - threads)
print(*sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "says", "absent"),
    [
        ("auto", "onnxruntime float32 2", {"torch", "transformers", "safetensors", "onnx", "sklearn", "pandas"}),
        ("native", "torch 2", {"onnxruntime", "transformers", "sklearn", "pandas"}),
    ],
)
def test_serving_loads_its_own_engine_only_and_no_pickle(
    folder: Path, engine: str, says: str, absent: set[str]
) -> None:
    command = [sys.executable, "-c", SERVE, str(folder), engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, threads, modules = done.stdout.splitlines()
    assert first == says
    assert threads == "0", "the tokenizer would start one for every core"
    assert not absent & set(modules.split())


def test_the_net_computes_one_batch_while_the_next_is_cut_up(model: SentimentModel) -> None:
    computing, both, cut_up = threading.Lock(), threading.Event(), list[list[str]]()

    class SaysWhenBothAreCut:
        unknown, pad = model.tokenizer.unknown, model.tokenizer.pad

        def __call__(self, texts: list[str]) -> list[list[int]]:
            lines = model.tokenizer(texts)
            cut_up.append(texts)
            if len(cut_up) == 2:
                both.set()
            return lines

    def network(tokens: Ids, _mask: Ids) -> NDArray[np.float32]:
        assert computing.acquire(blocking=False), "two batches at a time would take two cores"
        assert both.wait(30), "the next batch waits for the net before it is made ready"
        computing.release()
        return np.zeros((len(tokens), 2), np.float32)

    watched = SentimentModel(SaysWhenBothAreCut(), network, "fake")  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as threads:
        assert [
            len(found) for found in threads.map(watched.predict, (of_texts(["good"]), of_texts(["bad", "worse"])))
        ] == [1, 2]


def test_without_its_export_the_native_model_serves(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", TOKENIZER_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert SentimentModel.load(tmp_path).engine == "torch"


def test_a_model_of_the_fast_engine_does_not_pretend_to_be_saved(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="native"):
        SentimentModel.load(folder).save(tmp_path)


def test_everything_of_a_version_is_in_files_that_cannot_run(folder: Path) -> None:
    expected = {"config.json", "model.safetensors", TOKENIZER_FILE, ONNX_FILE}
    assert {file.name for file in folder.iterdir()} == expected


def test_bfloat16_on_a_gpu_gives_the_labels_of_the_cpu(folder: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    texts = encoded(*(row.text for row in RECIPE.make(6, 400).rows))  # type: ignore[attr-defined]
    fast = SentimentModel.load(folder, Runtime(device="cuda")).predict(texts)[:, 0] >= 0.5
    slow = SentimentModel.load(folder, Runtime(engine="native")).predict(texts)[:, 0] >= 0.5
    assert (fast == slow).mean() >= 0.99
