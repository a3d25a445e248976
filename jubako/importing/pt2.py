"""Whether an exported torch program holds nothing that would be unpickled as code.

``torch.export.load`` reads weights as plain bytes, but falls back to a full unpickling for what it cannot read so:
tensors marked ``use_pickle``, custom objects, and example inputs that are no tensors.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from jubako.importing.refused import ImportRefused


def check(file: Path) -> None:
    import torch

    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith("_config.json") and _has_pickles(json.loads(content)):
                raise ImportRefused(f"{file.name} holds pickled tensors or objects ({name})")
            if "/sample_inputs/" in name and content:
                try:
                    torch.load(io.BytesIO(content), weights_only=True)
                except Exception as error:
                    raise ImportRefused(f"{file.name} holds example inputs that are no tensors") from error


def _has_pickles(config: Any) -> bool:
    """
    >>> _has_pickles({"config": {"w": {"path_name": "weight_0", "use_pickle": False}}})
    False
    >>> _has_pickles({"config": {"w": {"path_name": "opaque_obj_0", "use_pickle": True}}})
    True
    """
    if isinstance(config, dict):
        return bool(config.get("use_pickle")) or any(map(_has_pickles, config.values()))
    return isinstance(config, list) and any(map(_has_pickles, config))
