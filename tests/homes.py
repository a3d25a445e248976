"""Where a test's versions, stages and runs live: never in the homes of whoever runs the tests."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Home:
    """One BentoML store with its stages, and what running leaves behind."""

    root: Path

    @property
    def bentoml(self) -> Path:
        return self.root / "bentoml"

    @property
    def jubako(self) -> Path:
        return self.root / "jubako"

    @property
    def store(self) -> Path:
        return self.bentoml / "models"

    @property
    def environment(self) -> dict[str, str]:
        """For a process of its own. No ``MLFLOW_TRACKING_URI``: the database is under ``JUBAKO_HOME``."""
        inherited = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        return {**inherited, "BENTOML_HOME": str(self.bentoml), "JUBAKO_HOME": str(self.jubako)}

    def copy(self, root: Path) -> Home:
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return Home(root)

    def use(self, patch: pytest.MonkeyPatch) -> Home:
        """Let this process live here until ``patch`` is undone."""
        patch.setenv("BENTOML_HOME", str(self.bentoml))
        patch.setenv("JUBAKO_HOME", str(self.jubako))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        forget()
        return self


def forget() -> None:
    """BentoML reads ``BENTOML_HOME`` once; make it read again."""
    containers = sys.modules.get("bentoml._internal.configuration.containers")
    if containers is None:
        return
    from simple_di import sentinel

    container = containers.BentoMLContainer
    for name in ("bentoml_home", "bento_store_dir", "model_store_dir", "env_store_dir", "tmp_bento_store_dir"):
        getattr(container, name)._cache = sentinel
    for name in ("bento_store", "tmp_bento_store", "model_store"):
        provider = getattr(container, name)
        provider._cache = sentinel
        provider.reset()
