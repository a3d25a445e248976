"""The versions that were packed into the Bento that this code runs in. They never change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from jubako import home


def versions() -> Mapping[str, str] | None:
    """Model -> version, as ``bento.yaml`` names them; ``None`` in a checkout, where the stage pointer counts."""
    bento = home.bento()
    return _read(bento / home.BENTO_YAML) if bento else None


def tag() -> str | None:
    """The Bento's own name and version."""
    bento = home.bento()
    if bento is None:
        return None
    content = yaml.safe_load((bento / home.BENTO_YAML).read_bytes())
    return f"{content['name']}:{content['version']}"


@lru_cache(maxsize=1)
def _read(file: Path) -> Mapping[str, str]:
    """Read once: a Bento never changes."""
    content = yaml.safe_load(file.read_bytes())
    tags = [model["tag"] for service in content["services"] for model in service.get("models") or ()]
    return dict(tag.split(":", 1) for tag in tags)
