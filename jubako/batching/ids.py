"""Unique ids from time, process and a counter. They sort by time."""

from __future__ import annotations

import itertools
import os
import time

_counter = itertools.count()
_process = os.urandom(3).hex()


def unique_id() -> str:
    return f"{time.time_ns() // 1_000_000:011x}{_process}{next(_counter) & 0xFFFF:04x}"
