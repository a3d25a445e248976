"""What BentoML is told about each service: process counts, GPU shares, and the versions that go into a Bento."""

from __future__ import annotations

from typing import Any

from bentos.cards import CARDS
from jubako.process import devices
from jubako.settings import settings


def serving_parameters(name: str) -> dict[str, Any]:
    """The decorator's arguments for a runner, from its section of ``configuration.yaml``."""
    runner = settings().runner(name)
    # BentoML's threads are those that wait for models. A model's own threads are its engine's business.
    parameters = _quiet({"workers": runner.workers, "threads": CARDS[name].batching.at_once})
    share = _gpu_share(runner.gpu)
    if share:
        parameters["resources"] = {"gpu": share}
    return parameters


def gateway_parameters() -> dict[str, Any]:
    return _quiet({"workers": settings().gateway.workers})


def _quiet(parameters: dict[str, Any]) -> dict[str, Any]:
    """BentoML's access log, metrics and trace middlewares cost more than the models; ours do what they did."""
    return {
        **parameters,
        "logging": {"access": {"enabled": False}},
    }


def _gpu_share(gpu: float | str) -> float | int:
    """What to ask BentoML for. Nothing when there is no GPU: the runner itself then says what is missing."""
    if gpu == 0 or devices.gpus() == 0:
        return 0
    if gpu == "auto":
        return 0.5  # both nets fit on one GPU; 0.6 + 0.4 would not
    return int(gpu) if float(gpu).is_integer() else float(gpu)
