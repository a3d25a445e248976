"""Who looks on while a model is made: a progress bar in a terminal, lines in a log, or nobody."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class TrainingProgress(Protocol):
    def phase(self, name: str) -> None: ...

    def log(self, metric: str, value: float, step: int) -> None: ...


class NoProgress:
    def phase(self, _name: str) -> None: ...

    def log(self, _metric: str, _value: float, _step: int) -> None: ...


class ProgressBar:
    """One line for each model: what is being done, how far it is, the newest metric, the time."""

    def __init__(self, console: Console, model: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[model]:<10}{task.description:<16}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[metric]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task("", total=None, model=model, metric="")

    def phase(self, name: str) -> None:
        self._progress.update(self._task, description=name, total=None, completed=0, metric="")

    def log(self, metric: str, value: float, step: int) -> None:
        if metric == "progress":
            self._progress.update(self._task, total=1.0, completed=value)
        else:
            self._progress.update(self._task, metric=f"{metric} {value:.4g} at {step}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


class ProgressLines:
    """Where there is no terminal a bar is noise: one line each time something begins that lasts."""

    def __init__(self, console: Console, model: str) -> None:
        self._console = console
        self._model = model
        self._said = time.monotonic()

    def phase(self, name: str) -> None:
        if time.monotonic() - self._said > 2:
            self._say(name)

    def log(self, metric: str, value: float, step: int) -> None:
        if metric != "progress" and time.monotonic() - self._said > 10:
            self._say(f"{metric} {value:.4g} at {step}")

    def _say(self, what: str) -> None:
        self._console.print(f"{self._model}: {what}", highlight=False)
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass
