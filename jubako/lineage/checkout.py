"""A clean checkout of one commit in a temporary folder, beside the repository's own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jubako import home


class CheckoutFailed(Exception):
    """Git refuses, or does not know the commit; one sentence."""


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The folder of the service in that commit. It is removed at the end."""
    inside = git("rev-parse", "--show-prefix")
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}")
    except CheckoutFailed as error:
        raise CheckoutFailed(f"commit {commit[:12]} is not in this repository: fetch it first") from error
    with tempfile.TemporaryDirectory(prefix="jubako-checkout-") as place:
        folder = Path(place) / "tree"
        git("worktree", "add", "--detach", str(folder), commit)
        try:
            yield folder / inside
        finally:
            git("worktree", "remove", "--force", str(folder))


def git(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands; a commit is a hash from a checked manifest
            ["git", "-C", str(home.repository()), *command],  # noqa: S607 - git is wherever the user has it
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    except subprocess.CalledProcessError as error:
        raise CheckoutFailed(f"git {command[0]} failed: {(error.stderr or '').strip()[:300]}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CheckoutFailed(f"git {command[0]} failed: {error}") from error
    return done.stdout.strip()
