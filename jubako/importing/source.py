"""Where a model comes from: an address in MLflow or a folder, fetched and described. Nothing is unpickled here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jubako.importing.refused import ImportRefused

if TYPE_CHECKING:
    import pandas as pd

OWN_LOADER = "jubako.training.pyfunc"


@dataclass(frozen=True)
class Source:
    """An MLflow model folder on this machine."""

    uri: str
    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    signature: Any
    """MLflow's ``ModelSignature``, or None."""
    run_id: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What the run that logged it measured."""

    def example(self) -> pd.DataFrame | Any | None:
        """The input example: a table, an array, or nothing."""
        from mlflow.models import Model

        with suppress(FileNotFoundError):
            return Model.load(str(self.folder)).load_input_example(str(self.folder))
        return None


@lru_cache(maxsize=4)
def fetch(uri: str) -> Source:
    """``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``runs:/RUN/PATH``, or a folder."""
    from jubako.training.tracking import Tracking, speaking

    if ":/" not in uri:
        return _described(uri, Path(uri).expanduser().resolve(), {})
    tracking = Tracking()
    place = tempfile.TemporaryDirectory(prefix="jubako-import-")
    _PLACES.append(place)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with speaking(tracking.uri):
        from mlflow.artifacts import download_artifacts

        folder = Path(download_artifacts(artifact_uri=uri, dst_path=place.name, tracking_uri=tracking.uri))
    found = _described(uri, folder, {})
    with suppress(Exception):  # the run may be gone; the model stands without it
        metrics = tracking.client.get_run(found.run_id).data.metrics
        return Source(uri, folder, found.flavors, found.signature, found.run_id, dict(metrics))
    return found


#: Kept until the process ends, which removes them.
_PLACES: list[tempfile.TemporaryDirectory[str]] = []


def _described(uri: str, folder: Path, metrics: Mapping[str, float]) -> Source:
    from mlflow.models import Model

    if not (folder / "MLmodel").is_file():
        raise ImportRefused(f"{uri} is no MLflow model: there is no MLmodel file in it")
    model = Model.load(str(folder))
    flavors: dict[str, Mapping[str, Any]] = model.flavors
    if flavors.get("python_function", {}).get("loader_module") == OWN_LOADER:
        raise ImportRefused(f"{uri} was registered by `jubako train`: its card and recipe are in the repository")
    return Source(uri, folder, flavors, model.signature, model.run_id, metrics)
