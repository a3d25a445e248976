"""The git commit of the repository."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from jubako import home


@dataclass(frozen=True)
class Commit:
    sha: str | None
    is_dirty: bool | None

    def __str__(self) -> str:
        """
        >>> str(Commit("3f2a", True)), str(Commit(None, None))
        ('3f2a-dirty', 'unknown')
        """
        return (self.sha or "unknown") + ("-dirty" if self.is_dirty else "")

    def tags(self) -> dict[str, str]:
        """Tags for an MLflow run."""
        return {"mlflow.source.git.commit": self.sha, "git_dirty": str(self.is_dirty)} if self.sha else {}


def git() -> Commit:
    """The current commit and whether files differ from it; empty outside a checkout."""
    sha = _git("rev-parse", "HEAD")
    return Commit(sha, bool(_git("status", "--porcelain"))) if sha else Commit(None, None)


def _git(*command: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments only
            ["git", "-C", str(home.repository()), *command],  # noqa: S607 - git is wherever the user has it
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
