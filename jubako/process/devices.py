"""Which devices a runner may use."""

from __future__ import annotations

import os
from functools import lru_cache

from jubako.models import Device


class GpuMissing(RuntimeError):
    """The configuration asks for a GPU and there is none; computing on the CPU instead would hide it."""


@lru_cache(maxsize=1)
def gpus() -> int:
    """How many GPUs this process may use, from the driver: importing torch for it would cost seconds."""
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
    # BentoML assigns device numbers that may not exist; only those that exist are usable.
    return sum(not place.strip().isdigit() or int(place) < present for place in visible.split(","))


def device_for(gpu: float | str) -> Device:
    """Where a runner with this GPU share computes. ``auto`` falls back to the CPU, which the status shows."""
    if gpu == 0:
        return "cpu"
    if gpus() == 0:
        if gpu == "auto":
            return "cpu"
        raise GpuMissing(f"gpu: {gpu} asks for a GPU and there is none; gpu: auto allows the CPU")
    return "cuda"
