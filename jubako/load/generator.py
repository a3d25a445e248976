"""Starts Locust, and measures the most that this machine's Locust can send."""

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
from jubako.load.plan import LoadPlan
from jubako.load.profiles import PROFILES, LoadProfile
from jubako.load.service import free_port

SPARE_SECONDS = 90.0
"""On top of the profile's length, for starting, learning, writing the report and waiting for workers."""
NEAR = 0.7
"""Above this share of the ceiling, the generator may limit the result."""


def run_locust(url: str | None, plan: LoadPlan, options: Sequence[str], *, seconds: float | None = None) -> int:
    """Run Locust to its end and return its exit status; after ``seconds`` it is stopped."""
    command = [sys.executable, "-m", "locust", "-f", "load_tests/locustfile.py", "--loglevel", "WARNING", *options]
    command += ["--host", url] if url else []
    environment = {**os.environ, **plan.environment()}
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


def bound(profile: type[LoadProfile], plan: LoadPlan) -> float:
    return (plan.seconds or profile.seconds) + SPARE_SECONDS


def ceiling(plan: LoadPlan, processes: int = 1) -> float:
    """Requests a second that this generator, with its checks, sends to a server that computes nothing."""
    port = free_port()
    responder = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "jubako.load.responder", str(port)], cwd=repository()
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        with TemporaryDirectory() as folder:
            summary = Path(folder) / "ceiling.json"
            own = replace(plan, profile="ceiling", seconds=None, users=None, summary=summary, judged=False)
            options = ["--headless", "--only-summary", "--json-file", str(Path(folder) / "stats")]
            options += ["--processes", str(processes)] if processes > 1 else []
            run_locust(url, own, options, seconds=bound(PROFILES["ceiling"], own))
            content: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
    finally:
        responder.kill()
        responder.wait(10)
    if content["errors"]:
        raise RuntimeError(f"the generator cannot read its own server's answers: {content['errors'][0]}")
    return float(content["per_second"])


def _wait_for(url: str) -> None:
    for _ in range(100):
        try:
            httpx.get(url, timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server for the ceiling did not start")


def compare_to_ceiling(per_second: float, most: float) -> str:
    """A result beside the ceiling, in one sentence.

    >>> compare_to_ceiling(100.0, 2_000.0)
    'sent 100 requests/s; this generator can send at most 2,000 (5 % used)'
    """
    used = per_second / most if most else 1.0
    percent = f"{used * 100:.0f} %"
    text = f"sent {per_second:,.0f} requests/s; this generator can send at most {most:,.0f} ({percent} used)"
    if used > NEAR:
        text += ": the generator may limit these numbers; use --processes or --master"
    return text
