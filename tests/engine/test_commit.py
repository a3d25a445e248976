"""Where a version or a Bento came from is found out, not assumed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jubako.commit import Commit
from jubako.commit import git as commit


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("jubako.home.repository", lambda: tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_known_and_whether_files_differ_from_it(checkout: Path) -> None:
    git(checkout, "init")
    (checkout / "code.py").write_text("a = 1\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "first")
    clean = commit()
    assert clean.sha is not None
    assert (len(clean.sha), clean.is_dirty) == (40, False)
    (checkout / "code.py").write_text("a = 2\n")
    assert commit() == Commit(clean.sha, True)


def test_outside_a_checkout_nothing_is_claimed(checkout: Path) -> None:
    assert commit() == Commit(None, None)
    assert commit().tags() == {}
