"""wrk, the closed-loop load generator: each connection sends its next request as soon as it has an answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("cycle.lua")
#: wrk only counts slower requests; it abandons none before the end of the run.
SLOW_SECONDS = 30


class NoLoadGenerator(RuntimeError):
    """wrk is neither here nor can it be installed."""


@dataclass(frozen=True, slots=True)
class Seen:
    requests: int
    refused: int
    broken: int
    seconds: float
    p50: float
    p90: float
    p99: float
    longest: float
    late: float | None = None
    """How late an open-loop generator was itself."""

    @property
    def answered(self) -> int:
        return self.requests - self.refused


def install() -> None:
    """Install Debian's package, if it is missing and this user may."""
    if shutil.which("wrk"):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"], check=True)
    else:
        raise NoLoadGenerator("the load generator `wrk` is missing: install it (apt-get install wrk, brew install wrk)")


def version() -> str:
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).split("Copyright")[0].strip()


def saturate(port: int, requests: Path, connections: int, seconds: float) -> Seen:
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"]
    command += ["--timeout", f"{SLOW_SECONDS}s", "--script", str(SCRIPT), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(
        command, env={**os.environ, "REQUESTS": str(requests)}, capture_output=True, text=True, check=True
    )
    return told(done.stdout)


def told(output: str) -> Seen:
    """
    >>> told('TOLD {"requests":10,"microseconds":2000000,"refused":1,"broken":0,"slow":0,'
    ...      '"p50":1500.0,"p90":2000.0,"p99":2500.0,"longest":3000.0}').p50
    1.5
    """
    (line,) = (line for line in output.splitlines() if line.startswith("TOLD "))
    found = json.loads(line.removeprefix("TOLD "))
    return Seen(
        requests=found["requests"],
        refused=found["refused"],
        broken=found["broken"],
        seconds=found["microseconds"] / 1e6,
        p50=found["p50"] / 1000,
        p90=found["p90"] / 1000,
        p99=found["p99"] / 1000,
        longest=found["longest"] / 1000,
    )
