"""What this machine has that a runner may use."""

from __future__ import annotations

import os
from functools import lru_cache

from jubako.models import Device


class GpuMissing(RuntimeError):
    """A GPU was asked for by name and is not there; computing on the CPU instead would hide it."""


@lru_cache(maxsize=1)
def gpus() -> int:
    """How many GPUs this process may use, asked of the driver: importing torch to ask would cost seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return 0
    import pynvml

    try:
        pynvml.nvmlInit()
        present = int(pynvml.nvmlDeviceGetCount())
        pynvml.nvmlShutdown()
    except (pynvml.NVMLError, OSError):
        return 0
    if visible is None:
        return present
    # BentoML hands out device numbers that may not exist; only those that do are usable.
    return sum(not place.strip().isdigit() or int(place) < present for place in visible.split(","))


def device_for(gpu: float | str) -> Device:
    """Where a runner with this GPU share computes. ``auto`` falls back to the CPU and the status says so."""
    if gpu == 0:
        return "cpu"
    if gpus() == 0:
        if gpu == "auto":
            return "cpu"
        raise GpuMissing(f"a GPU was asked for (gpu: {gpu}) and none is here; set gpu: auto to allow the CPU")
    return "cuda"
