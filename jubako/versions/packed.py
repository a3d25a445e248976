"""What was packed into the Bento that this code runs in: the versions that it serves, for as long as it exists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from jubako import home


def versions() -> Mapping[str, str] | None:
    """Model -> version, as ``bento.yaml`` names them; ``None`` in a checkout, where the stage pointer says it."""
    bento = home.bento()
    return _named_in(bento / home.BENTO_YAML) if bento else None


def tag() -> str | None:
    """The Bento's own name and version."""
    bento = home.bento()
    if bento is None:
        return None
    content = yaml.safe_load((bento / home.BENTO_YAML).read_bytes())
    return f"{content['name']}:{content['version']}"


@lru_cache(maxsize=1)
def _named_in(file: Path) -> Mapping[str, str]:
    """Read once: a Bento never changes."""
    content = yaml.safe_load(file.read_bytes())
    tags = [model["tag"] for service in content["services"] for model in service.get("models") or ()]
    return dict(tag.split(":", 1) for tag in tags)
