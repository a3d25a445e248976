"""Atomic and durable writes: a file has its old content or its new content, also after a kill or a power cut."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def sync(path: Path) -> None:
    """Flush this file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new one."""
    replace(path, content, synced=True)
    sync(path.parent)


def replace(path: Path, content: bytes, *, synced: bool = False) -> None:
    """As ``write_whole``, except that a power cut may undo it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def try_lock(path: Path) -> IO[str] | None:
    """The open file that holds the lock of one process; ``None`` while another process has it. It lasts until the file
    is closed, here and in every child that inherits it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def alone(path: Path) -> Iterator[int | None]:
    """The descriptor of ``try_lock``'s file, or ``None``."""
    file = try_lock(path)
    if file is None:
        yield None
        return
    with file:
        yield file.fileno()


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """A lock between processes. The kernel releases it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
