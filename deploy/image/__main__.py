"""``make scan``: scans an image. Fails on a secret, on a package that is not locked, and on too large a size."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.image import findings
from deploy.image.layers import SAVES, inspect

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", default="jubako:latest")
    parser.add_argument("--engine", choices=list(SAVES), default=next(filter(shutil.which, SAVES), "docker"))
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements-serve.lock")
    parser.add_argument("--most-bytes", type=int, default=findings.MOST_BYTES)
    given = parser.parse_args()

    image = inspect(given.image, given.engine)
    leaks = [str(leak) for leak in findings.leaks(image)]
    differences = findings.differences(image, given.lock.read_text())
    too_large = image.size > given.most_bytes

    screen = Console()
    table = Table(box=None, pad_edge=False)
    table.add_column("MB", justify="right")
    table.add_column("what takes the room")
    for name, size in findings.weights(image):
        table.add_row(f"{size / 1e6:.0f}", name)
    screen.print(table)
    packages = len(findings.distributions(image))
    screen.print(f"{given.image}: {image.size / 1e6:.0f} MB in {len(image.layers)} layers, {packages} packages")
    for line in (*leaks, *differences):
        screen.print(f"[red]bad[/]  {line}")
    if too_large:
        screen.print(f"[red]bad[/]  more than {given.most_bytes / 1e6:.0f} MB")
    bad = bool(leaks or differences or too_large)
    if not bad:
        screen.print("[green]good[/] no secret in any layer, exactly the locked packages")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
