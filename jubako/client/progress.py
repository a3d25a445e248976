"""Progress of long calls: a bar of rich if it is installed, else one line of text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = bool | Callable[[int, int], None]
"""``True`` for a bar on stderr, or a function of (rows done, rows in all)."""


@contextmanager
def report_progress(progress: Progress, total: int, title: str) -> Iterator[Callable[[int], None]]:
    """A function that takes how many more rows are done."""
    if progress is False:
        yield lambda _rows: None
    elif progress is True:
        with _bar(total, title) as show:
            yield _counted(show, total)
    else:
        yield _counted(progress, total)


def _counted(show: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    done = 0

    def more(rows: int) -> None:
        nonlocal done
        done += rows
        show(done, total)

    return more


@contextmanager
def _bar(total: int, title: str) -> Iterator[Callable[[int, int], None]]:
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ModuleNotFoundError:
        yield lambda done, _total: _line(f"\r{title}: {done} of {total} rows")
        _line("\n")
        return
    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, _total: bar.update(task, completed=done)


def _line(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
