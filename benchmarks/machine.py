"""What was measured on, without a name that would say where."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from benchmarks.results import Machine


def describe() -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gigabytes=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    """A virtual machine often says little more than a brand, so family and model stand beside it."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    brand = facts.get("model name", platform.machine())
    return f"{brand} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def allow_many_connections() -> None:
    """A thousand connections need as many open files; the default is often 1,024 in all."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
