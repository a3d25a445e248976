"""Each peer has a virtual environment of its own, made once from exact versions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "peers" / "requirements"
STAMP = ".made-of"
#: Triton's Python backend is linked to the library of the system's Python.
SYSTEM_PYTHON = {"triton": "/usr/bin/python3"}


class Environments:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str) -> Path:
        """The folder of its programs. The stamp is written last, so an interrupted installation is done again."""
        venv = self.folder / name
        requirements = REQUIREMENTS / f"{name}.txt"
        made_of = hashlib.sha256(requirements.read_bytes()).hexdigest()
        stamp = venv / STAMP
        if not stamp.exists() or stamp.read_text() != made_of:
            print(f"Installing {name} into its own environment (once)", flush=True)
            python = SYSTEM_PYTHON.get(name, sys.executable)
            subprocess.run([python, "-m", "venv", "--clear", str(venv)], check=True)
            pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # The lists are complete. PyTriton asks for more, for its proxy, which is not used.
            subprocess.run([*pip, "--no-deps", "--requirement", str(requirements)], check=True)
            stamp.write_text(made_of)
        return venv / "bin"

    def can_make(self, name: str) -> bool:
        """Whether this machine has what the peer needs. If not, what was missing is on the terminal."""
        try:
            self.make(name)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out, since it cannot be installed here: {error}", flush=True)
            return False
        return True

    def versions(self, name: str, packages: tuple[str, ...]) -> dict[str, str]:
        """The installed versions."""
        return installed(self.make(name) / "python", packages)


def installed(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    program = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    said = subprocess.run([str(python), "-c", program, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(said.stdout)
    return found
