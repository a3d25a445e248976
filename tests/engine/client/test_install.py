"""``pip install jubako`` without extras installs the client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bentos_built import sources_of_the_wheel

#: httpx and pydantic, and what they bring.
SMALL = {
    "annotated-types",
    "anyio",
    "certifi",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "jubako",
    "pydantic",
    "pydantic-core",
    "sniffio",
    "typing-extensions",
    "typing-inspection",
}
PROGRAM = """
import json
import httpx
from jubako import Client

SCHEMA = {"properties": {"text": {"type": "string"}}, "required": ["text"]}
def answer(request):
    if request.method == "GET":
        return httpx.Response(200, json={"name": "review", "row_schema": SCHEMA})
    rows = json.loads(request.content)["inputs"]
    predictions = [{"id": f"review:1:{place}", "label": row["text"]} for place, row in enumerate(rows)]
    model = {"name": "review", "version": "1"}
    return httpx.Response(200, json={"model": model, "request_id": "r", "predictions": predictions})

with Client("http://mock", transport=httpx.MockTransport(answer)) as client:
    assert [one.label for one in client.review.predict(["good", "bad"])] == ["good", "bad"]
"""


@pytest.mark.slow
def test_plain_pip_install_is_enough_for_the_client_and_brings_nothing_heavy(tmp_path: Path) -> None:
    """Needs a package index."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    source = sources_of_the_wheel(tmp_path / "source")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source]
    subprocess.run([*pip, *build], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    there = [*pip, "--python", python]
    installed = subprocess.run(
        [*there, "install", "--quiet", *tmp_path.glob("*.whl")], capture_output=True, text=True, check=False
    )
    if "No matching distribution" in installed.stderr or "Retrying" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    subprocess.run([python, "-W", "error", "-c", PROGRAM], cwd=tmp_path, check=True)
    listed = subprocess.run([*there, "list", "--format", "json"], capture_output=True, check=True)
    names = {package["name"].lower().replace("_", "-") for package in json.loads(listed.stdout)}
    assert names <= SMALL
