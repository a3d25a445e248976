"""The faster engine must answer as the native model does; one that does not is left out, and the native one serves."""

from __future__ import annotations

import logging
from pathlib import Path

SAME = 1e-5
"""How far two engines' answers may be apart: rounding, never another opinion."""

log = logging.getLogger("jubako.training")


def kept(file: Path, found: dict[str, float]) -> dict[str, float]:
    """What was found, and the file only if nothing in it is further apart than that."""
    apart = max(value for name, value in found.items() if name.endswith("difference"))
    if not apart <= SAME:  # NaN is no equality either
        file.unlink()
        log.warning("%s answers up to %.2g apart from the native model and is left out", file.name, apart)
    return found
