"""Where things live: versions and stages where BentoML keeps its own, everything else under ``JUBAKO_HOME``."""

from __future__ import annotations

import os
from pathlib import Path

from jubako.compat import bentoml

BENTO_YAML = "bento.yaml"


_service_root: Path | None = None


def serve_from(root: Path) -> None:
    """The folder that holds the composed service's package. BentoML starts the workers of a Bento anywhere."""
    global _service_root  # noqa: PLW0603 - a process serves one repository
    _service_root = root


def repository() -> Path:
    """The folder with ``bentos/``: of the service that was composed in this process, else the nearest one upwards."""
    if _service_root is not None:
        return _service_root
    here = Path.cwd()
    marks = ("bentofile.yaml", "bentos")
    return next((folder for folder in (here, *here.parents) if any((folder / mark).exists() for mark in marks)), here)


def bento() -> Path | None:
    """The Bento whose code this is; ``None`` in a checkout."""
    source = repository()
    return source.parent if source.name == "src" and (source.parent / BENTO_YAML).exists() else None


def jubako_home() -> Path:
    """MLflow's database, profiles, logs: what running leaves behind. Never inside a Bento: it may be read-only."""
    given = os.environ.get("JUBAKO_HOME")
    if given:
        return Path(given).expanduser().resolve()
    return Path.home() / ".jubako" if bento() else repository() / ".jubako"


def bentoml_home() -> Path:
    given = os.environ.get("BENTOML_HOME") or "~/bentoml"
    return Path(os.path.expandvars(given)).expanduser().resolve()


def model_store() -> Path:
    """Where BentoML looks for models. Inside a running Bento that is the Bento's own folder, as only BentoML knows."""
    known = bentoml.model_store_folder()
    if known is not None:
        return known
    packed = bento()
    return packed / "models" if packed and (packed / "models").is_dir() else bentoml_home() / "models"


def beside_the_store() -> Path:
    """Our own few files beside BentoML's: the stage pointer, its lock, and versions that are still being written."""
    return bentoml_home() / "jubako"
