"""Debian's Prometheus and Alertmanager, where they are installed, or what ``.ci/run`` unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.reading import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
PATH = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / "build" / "tools" / "usr" / "bin")])


def program(name: str, package: str = "prometheus") -> str:
    """Where it is; the test is skipped where it is not."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian, Ubuntu: apt-get install {package})")
    return found


def rules(*files: Path) -> list[dict[str, Any]]:
    return [
        rule
        for file in files or RULES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDED = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
