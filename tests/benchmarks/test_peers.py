"""A peer that computes many requests at once gives each its own answers. Their packages are not installed here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest

from benchmarks import environments
from benchmarks.environments import Environments
from benchmarks.places import COLLECTION
from bentos.iris.model import IrisModel

CARD = COLLECTION.cards["iris"]
ROWS = [{**CARD.examples[0], "petal_length": length} for length in (1.5, 2.5, 3.5)]


class SureForest(IrisModel):
    """Its answer depends on the row."""

    def __init__(self) -> None:
        self.engine = "sure"

    def predict(self, batch: Any) -> Any:
        return (np.eye(3)[batch[:, 2].astype(int) % 3] * 0.9 + 0.03).astype(np.float32)


STANDING_IN = {
    "mosec": SimpleNamespace(Worker=object, Server=object),
    "triton_python_backend_utils": SimpleNamespace(
        get_input_tensor_by_name=lambda request, name: SimpleNamespace(as_numpy=lambda: request.tensors[name]),
        Tensor=lambda name, data: (name, data),
        InferenceResponse=dict,
    ),
}

Peer = Callable[..., Any]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """Imports a peer's module with its settings, as its process does."""

    def imported(name: str, **settings: str) -> ModuleType:
        for setting, value in {"model": "iris", **settings}.items():
            monkeypatch.setenv(f"BENCH_{setting.upper()}", value)
        for package, module in STANDING_IN.items():
            monkeypatch.setitem(sys.modules, package, module)
        for own in ("served", name):
            monkeypatch.delitem(sys.modules, f"benchmarks.peers.{own}", raising=False)
        module = importlib.import_module(f"benchmarks.peers.{name}")
        monkeypatch.setattr(module, "load", SureForest, raising=False)
        return module

    yield imported
    for own in ("served", "mosec_server", "triton_model", "triton_server"):
        sys.modules.pop(f"benchmarks.peers.{own}", None)


def expected() -> list[dict[str, Any]]:
    model = SureForest()
    return model.decode(model.predict(model.encode([CARD.row.model_validate(row) for row in ROWS])))


def test_mosec_gives_each_request_its_own_answers(peer: Peer) -> None:
    worker = peer("mosec_server").Served()
    requests = [worker.deserialize(orjson.dumps({"inputs": part})) for part in (ROWS[:1], ROWS[1:])]
    answers = [orjson.loads(worker.serialize(found))["predictions"] for found in worker.forward(requests)]
    assert [len(found) for found in answers] == [1, 2]
    assert [*answers[0], *answers[1]] == orjson.loads(orjson.dumps(expected()))


def test_triton_gives_each_request_its_own_answers(peer: Peer) -> None:
    model = peer("triton_model").TritonPythonModel()
    model.initialize({})
    batch = SureForest.encode([CARD.row.model_validate(row) for row in ROWS])
    responses = model.execute([SimpleNamespace(tensors={"rows": part}) for part in (batch[:1], batch[1:])])
    assert [len(one["outputs"]) for one in responses] == [1, 2]
    assert SureForest.decode(np.concatenate([one["outputs"] for one in responses])) == expected()


@pytest.mark.parametrize(
    ("model", "kind"), [("iris", "TYPE_FP32"), ("sentiment", "TYPE_STRING"), ("image", "TYPE_STRING")]
)
def test_triton_batches_what_its_model_reads(peer: Peer, tmp_path: Path, model: str, kind: str) -> None:
    peer("triton_server", model=model, batch="256", wait="0.0005").write_model(tmp_path)
    written = (tmp_path / model / "config.pbtxt").read_text()
    assert f"data_type: {kind}" in written
    assert "max_batch_size: 256" in written
    assert "max_queue_delay_microseconds: 500 " in written
    assert "triton_model" in (tmp_path / model / "1" / "model.py").read_text()


def test_a_peer_that_cannot_be_installed_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "SYSTEM_PYTHON", {"triton": str(tmp_path / "no-python")})
    assert not Environments(tmp_path).can_make("triton")
    assert "triton is left out" in capsys.readouterr().out
