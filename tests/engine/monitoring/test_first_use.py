"""The first use of the sketches, which two threads may want at the same moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

TWO_AT_ONCE = """
import threading
import numpy as np
from jubako.compat.whylogs import whylogs

both = threading.Barrier(2)

def use():
    both.wait()
    sketch = whylogs().Distribution.zero().kll.value
    sketch.update(array=np.arange(1000.0))

threads = [threading.Thread(target=use) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("both done")
"""


def test_two_threads_that_use_the_sketches_first_do_not_lock_each_other_out() -> None:
    """Plain whylogs stops the whole process here: its C++ imports numpy under a lock of its own."""
    done = subprocess.run([sys.executable, "-c", TWO_AT_ONCE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "both done\n"
