"""Writes the lock files: `make lock`, or `make lock UPGRADE="numpy torch"`, or `make lock UPGRADE=all`.

What is locked stays as it is, unless pyproject.toml no longer allows it or it is named in UPGRADE. There are no hashes:
torch is another file for each kind of machine (CPU or CUDA), under the same version.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EVERYTHING = ROOT / "requirements.lock"
SERVE = ROOT / "requirements-serve.lock"
GPU = ROOT / "requirements-gpu.lock"
#: Ourselves, and the installer, which is already there when a lock is read.
NOT_LOCKED = {"jubako", "pip"}
PLATFORM = re.compile(r"(sys_platform|platform_system)\W+(linux|win|darwin)", re.IGNORECASE)
PIN = re.compile(r"^([a-z0-9-]+)==\S+", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def kept(lock: Path, upgrade: set[str]) -> str:
    """The pins of a lock that this run may not move."""
    if "all" in upgrade or not lock.exists():
        return ""
    return "\n".join(pin.group() for pin in PIN.finditer(lock.read_text()) if pin[1] not in upgrade)


def resolve(extra: str, constraints: str) -> list[dict[str, Any]]:
    """What pip would install in an empty environment, as the metadata of each distribution."""
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        pins.write_text(constraints)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), "--constraint", str(pins), f".[{extra}]"]
        subprocess.run(command, cwd=ROOT, check=True)
        found = [entry["metadata"] for entry in json.loads(report.read_text())["install"]]
    return sorted(found, key=lambda one: normal(one["name"]))


def platform_marker(name: str, everything: list[dict[str, Any]]) -> str:
    """The platform that a package is only for, when all who ask for it say so (CUDA's libraries: Linux)."""
    asked = [
        line.partition(";")
        for one in everything
        for line in one.get("requires_dist", [])
        if normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) == name
    ]
    markers = {marker.strip() for _, _, marker in asked}
    for marker in markers:
        if all(PLATFORM.search(other) for other in markers) and "extra" not in marker:
            return f" ; {marker}"
    return ""


def write(lock: Path, extra: str, found: list[dict[str, Any]]) -> None:
    lines = [
        f"# The exact versions of everything that `jubako[{extra}]` needs, on Python 3.11 and 3.12.",
        "# Made by `make lock`; do not edit. Why there are no hashes: .ci/lock.py.",
    ]
    for one in found:
        name = normal(one["name"])
        if name not in NOT_LOCKED:
            version = one["version"].partition("+")[0]  # 2.13.0+cpu is this machine's build of 2.13.0
            lines.append(f"{name}=={version}{platform_marker(name, found)}")
    lock.write_text("\n".join(lines) + "\n")
    print(f"{lock.name}: {len(lines) - 2} packages")


def main() -> None:
    upgrade = {normal(name) for name in sys.argv[1:]}
    write(EVERYTHING, "dev", resolve("dev", kept(EVERYTHING, upgrade)))
    write(SERVE, "serve,tracing", resolve("serve,tracing", kept(EVERYTHING, set())))
    write(GPU, "serve,gpu,tracing", resolve("serve,gpu,tracing", kept(EVERYTHING, set())))


if __name__ == "__main__":
    main()
