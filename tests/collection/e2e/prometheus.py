"""A real Prometheus for tests: Debian's, with our rules, on a port and in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import plain_http
from tests.deploy.promtool import PROMETHEUS, RULES, program
from tests.serving import free_port

#: Every duration in the copied rules and configuration is so many times shorter than in deploy/prometheus.
FASTER = 20
PATIENCE = 120.0
UNITS = {"s": 1, "m": 60, "h": 3600}


def faster(text: str) -> str:
    """
    >>> faster("for: 30s")
    'for: 1500ms'
    >>> faster("rate(x[5m])")
    'rate(x[15000ms])'
    """

    def shorter(found: re.Match[str]) -> str:
        milliseconds = int(found["number"]) * UNITS[found["unit"]] * 1000 // FASTER
        return f"{found['before']}{milliseconds}ms"

    return re.sub(r"(?P<before>\[|for: |interval: )(?P<number>\d+)(?P<unit>[smh])\b", shorter, text)


class RunningPrometheus:
    def __init__(self, folder: Path, target: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        (folder / "rules").mkdir(parents=True)
        for file in RULES:
            (folder / "rules" / file.name).write_text(faster(file.read_text()))
        (folder / "prometheus.yml").write_text(faster((PROMETHEUS / "prometheus.yml").read_text()))
        (folder / "targets.yml").write_text(yaml.safe_dump([{"targets": [target]}]))
        command = [
            program("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
        ]
        self._command = [*command, f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"]

    def __enter__(self) -> RunningPrometheus:
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = plain_http.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def series(self, name: str) -> list[dict[str, str]]:
        """The labels of every series of this name."""
        answer = plain_http.get(f"{self.url}/api/v1/series", params={"match[]": name}, timeout=10).raise_for_status()
        found: list[dict[str, str]] = answer.json()["data"]
        return found

    def alarms(self, name: str) -> dict[str, str]:
        """What is pending or firing under this name: the model and the state."""
        alerts = plain_http.get(f"{self.url}/api/v1/alerts", timeout=10).raise_for_status().json()["data"]["alerts"]
        found = [alert for alert in alerts if alert["labels"]["alertname"] == name]
        return {alert["labels"].get("model", ""): alert["state"] for alert in found}

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if holds():
                    return
            except httpx.HTTPError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
            time.sleep(0.2)
        raise AssertionError(f"{what}: not within {PATIENCE:g} s")
