"""Starting Locust, and finding out how much this machine's Locust can measure at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from jubako.home import repository
from jubako.load.plan import Order
from jubako.load.profiles import PROFILES, Profile
from jubako.load.service import free_port

SPARE_SECONDS = 90.0
"""Beside the profile's own length: starting, learning, writing the report, waiting for workers."""
NEAR = 0.7
"""Above this share of the ceiling, the numbers may be the generator's and not the service's."""


def locust(url: str | None, order: Order, options: Sequence[str], *, seconds: float | None = None) -> int:
    """Run Locust to its end and say how it exited; ``seconds`` bounds it."""
    command = [sys.executable, "-m", "locust", "-f", "load_tests/locustfile.py", "--loglevel", "WARNING", *options]
    command += ["--host", url] if url else []
    environment = {**os.environ, **order.environment()}
    environment.pop("LOCUST_SKIP_MONKEY_PATCH", None)
    process = subprocess.Popen(command, cwd=repository(), env=environment)  # noqa: S603 (our own program)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(30)
        return 3
    except KeyboardInterrupt:
        return process.wait(30)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def bound(profile: type[Profile], order: Order) -> float:
    return (order.seconds or profile.seconds) + SPARE_SECONDS


def ceiling(order: Order, processes: int = 1) -> float:
    """Requests a second that this generator, with its checks, reaches against a server that does nothing."""
    port = free_port()
    responder = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "jubako.load.responder", str(port)], cwd=repository()
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        with TemporaryDirectory() as folder:
            summary = Path(folder) / "ceiling.json"
            own = replace(order, profile="ceiling", seconds=None, users=None, summary=summary, judged=False)
            options = ["--headless", "--only-summary", "--json-file", str(Path(folder) / "stats")]
            options += ["--processes", str(processes)] if processes > 1 else []
            locust(url, own, options, seconds=bound(PROFILES["ceiling"], own))
            content: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
    finally:
        responder.kill()
        responder.wait(10)
    if content["troubles"]:
        raise RuntimeError(f"the generator cannot read its own responder: {content['troubles'][0]}")
    return float(content["per_second"])


def _wait_for(url: str) -> None:
    for _ in range(100):
        try:
            httpx.get(url, timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the responder did not start")


def in_proportion(per_second: float, most: float) -> str:
    """What the ceiling says about a result.

    >>> in_proportion(100.0, 2_000.0)
    'asked 100 requests/s; this generator could ask at most 2,000 (5 % used)'
    """
    used = per_second / most if most else 1.0
    percent = f"{used * 100:.0f} %"
    text = f"asked {per_second:,.0f} requests/s; this generator could ask at most {most:,.0f} ({percent} used)"
    if used > NEAR:
        text += ": these numbers may be the generator's own, not the service's. Give it --processes or --master"
    return text
