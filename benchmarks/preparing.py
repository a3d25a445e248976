"""What must be written before a server can start."""

from __future__ import annotations

import shutil

from benchmarks.places import Place
from benchmarks.servers import Server
from bentos.cards import CARDS
from jubako.tables import ONNX_FILE


def prepare(server: Server, place: Place) -> None:
    if server.prepares == "mlmodel":
        _mlmodel(place, native=server.documented)


def _mlmodel(place: Place, native: bool) -> None:
    """The folder that training registers with MLflow, written by the same code."""
    from jubako.training import mlmodel

    files = place.scratch / "files"
    shutil.copytree(place.files, files)
    if native:
        (files / ONNX_FILE).unlink()
    mlmodel.write(place.scratch / "mlmodel", CARDS[place.model], files, run_id="0" * 32, model_id="m-" + "0" * 32)
