"""Private functions of BentoML that need no class of the engine; nothing is imported before it is used.

Tested with BentoML 1.4.40.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

CONTAINERS = "bentoml._internal.configuration.containers"


def use_own_metrics_folder() -> None:
    """Each server gets a folder for its workers' metrics: with one store, two servers wipe each other's (finding 12).

    The folder is only named here. BentoML makes it in the process that needs it, and passes its name to the workers.
    """
    from bentoml._internal.configuration.containers import BentoMLContainer

    folder = str(Path(tempfile.gettempdir(), f"jubako-metrics-{os.getpid()}-{secrets.token_hex(4)}"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    BentoMLContainer.prometheus_multiproc_dir.set(folder)


def model_store_folder() -> Path | None:
    """Where BentoML looks for models, which inside a Bento only BentoML knows; None while it is not loaded."""
    containers = sys.modules.get(CONTAINERS)
    return None if containers is None else Path(containers.BentoMLContainer.model_store.get()._path).resolve()


Place = Callable[[Path], AbstractContextManager[Path]]


def whole_version_store(folder: Path, draft_of: Place, write_latest: Callable[[Path, str], None]) -> Any:
    """A store whose versions appear whole or not at all.

    BentoML copies file by file into the store's folder. Killed half-way, that leaves a version without its yaml, and
    ``bentoml models list`` fails for everyone. ``draft_of`` gives the folder to copy into and moves it in at the end.
    """
    from bentoml._internal.models import ModelStore

    class WholeVersions(ModelStore):
        @contextmanager
        def register(self, tag: Any) -> Iterator[str]:
            with draft_of(self._path / tag.path()) as draft:
                yield str(draft)
            write_latest(self._path / tag.latest_path(), tag.version)

    return WholeVersions(folder)


def remove_trace_filter(handler: logging.Handler) -> None:
    """BentoML's filter overwrites the request and trace of a log line: with nothing, since we answer before it."""
    handler.filters = [kept for kept in handler.filters if type(kept).__name__ != "TraceRecordFilter"]
