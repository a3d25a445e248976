"""Folders: versions and stages are in BentoML's home, everything else is under ``JUBAKO_HOME``."""

from __future__ import annotations

import os
from pathlib import Path

from jubako.compat import bentoml

BENTO_YAML = "bento.yaml"


_service_root: Path | None = None


def serve_from(root: Path) -> None:
    """Set the folder of the composed service's package. BentoML starts a Bento's workers in any working folder."""
    global _service_root  # noqa: PLW0603 - a process serves one repository
    _service_root = root


def repository() -> Path:
    """The folder of the service that was composed in this process, else the nearest one with ``bentos/`` upwards."""
    if _service_root is not None:
        return _service_root
    here = Path.cwd()
    markers = ("bentofile.yaml", "bentos")
    return next(
        (folder for folder in (here, *here.parents) if any((folder / marker).exists() for marker in markers)), here
    )


def bento() -> Path | None:
    """The Bento that this code is part of; ``None`` in a checkout."""
    source = repository()
    return source.parent if source.name == "src" and (source.parent / BENTO_YAML).exists() else None


def jubako_home() -> Path:
    """The folder of MLflow's database, profiles and logs. Never inside a Bento, which may be read-only."""
    given = os.environ.get("JUBAKO_HOME")
    if given:
        return Path(given).expanduser().resolve()
    return Path.home() / ".jubako" if bento() else repository() / ".jubako"


def monitoring() -> Path:
    """Profiles, and the database of predictions and their truth."""
    return jubako_home() / "monitoring"


def bentoml_home() -> Path:
    given = os.environ.get("BENTOML_HOME") or "~/bentoml"
    return Path(os.path.expandvars(given)).expanduser().resolve()


def model_store() -> Path:
    """Where BentoML looks for models. In a running Bento that is a folder of the Bento, which only BentoML knows."""
    known = bentoml.model_store_folder()
    if known is not None:
        return known
    packed = bento()
    return packed / "models" if packed and (packed / "models").is_dir() else bentoml_home() / "models"


def beside_the_store() -> Path:
    """Jubako's files in BentoML's home: the stage pointer, its lock, and versions that are being written."""
    return bentoml_home() / "jubako"
