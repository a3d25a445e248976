"""What is loaded where: a runner holds its own engine and nobody else's."""

from __future__ import annotations

import psutil
import pytest

from tests.five import CARDS
from tests.serving import RunningService

pytestmark = pytest.mark.slow

#: Package -> a part of the path of the libraries that it maps.
ENGINES = {
    name: f"/site-packages/{name}/" for name in ("onnxruntime", "torch", "sklearn", "xgboost", "lightgbm", "scipy")
}


def engines(pid: int) -> set[str]:
    mapped = [one.path for one in psutil.Process(pid).memory_maps()]
    return {name for name, part in ENGINES.items() if any(part in path for path in mapped)}


@pytest.mark.parametrize("model", CARDS)
def test_a_runner_holds_the_engine_of_its_model_and_no_other(service: RunningService, model: str) -> None:
    assert service.predict(model, []).status_code != 503
    assert engines(service.pids(model)[-1]) == {"onnxruntime"}, "with `engine: auto` all five compute in ONNX Runtime"
