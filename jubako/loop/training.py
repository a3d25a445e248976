"""One training of the loop, in a process of its own: ``python -m jubako.loop.training MODEL ID``.

It holds the training lock, which it got from the loop that started it, as long as it lives: a loop that was killed and
started again waits for it, and starts no second one. Its result is in the record before it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jubako import collection
from jubako.loop import learning, record
from jubako.loop.looking import sort_rows
from jubako.loop.record import LoopRecord, LoopTraining, TrainingState
from jubako.loop.settings import LoopSettings
from jubako.loop.sources import FileRows, LiveRows, RowSource
from jubako.training.loop import train
from jubako.versions import store


def source_of(model: str, settings: LoopSettings) -> RowSource:
    found = collection.here()
    if model in settings.data:
        return FileRows(found.recipes[model], Path(settings.data[model]).expanduser())
    return LiveRows(found.models[model])


def spawn(model: str, training: LoopTraining, lock: int) -> subprocess.Popen[bytes]:
    log = record.folder() / f"{model}.log"
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "jubako.loop.training", model, training.id],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C is for the loop, which ends it
        )


def finished(model: str, training: LoopTraining, state: TrainingState, why: str, version: str | None = None) -> None:
    """Keep what became of a training; nothing when another is in its place."""

    def update(now: LoopRecord) -> LoopRecord:
        if now.training is None or now.training.id != training.id or now.training.state != "running":
            return now
        changed = now.training.model_copy(update={"state": state, "why": why, "version": version})
        return now.model_copy(update={"training": changed})

    record.change(model, update)


def run(model: str, training: LoopTraining, settings: LoopSettings) -> None:
    found = collection.here()
    recipe = found.recipes[model]
    try:
        memory = record.read(model).memory
        rows = sort_rows(source_of(model, settings).read(training.started), memory, settings.control_share)
        production = store.read_manifest(f"{model}:{training.production}")
        outcome = train(recipe, learning.request(recipe, rows, production, training, settings))
    except Exception as error:
        finished(model, training, "failed", f"{type(error).__name__}: {error}")
        raise
    if outcome.tag is None:
        finished(model, training, "refused", outcome.why_not or "the gate refused it")
        return
    result = outcome.result
    beside = f" against {result.production_value:.4g} in production" if result.production_value is not None else ""
    finished(model, training, "accepted", f"{result.metric} {result.value:.4g}{beside}", outcome.tag.partition(":")[2])


def main() -> None:
    from jubako.settings import configuration_file, read

    model, identity = sys.argv[1:]
    training = record.read(model).training
    if training is None or training.id != identity or training.state != "running":
        raise SystemExit(f"{model} has no training {identity} to run")
    os.nice(5)  # requests come first
    run(model, training, read(configuration_file(), collection.here()).loop)


if __name__ == "__main__":
    main()
