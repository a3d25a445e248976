"""Profile files on the disk: ``profiles/MODEL/VERSION/START-SECONDS-PROCESS-NUMBER.bin``.

Each name belongs to one window of one process, so files of several workers and restarts add up and never overlap. A
file that was merged from others names them: whatever is killed between writing the one and deleting the others, no
row counts twice.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from bentos.monitoring.profiles import Profile

SOURCES = "jubako.sources"
"""Metadata: the names of the files that a merged file replaces."""
CACHED = 256
DAY = 86_400.0

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d+)s-[0-9a-f]+-\d+\.bin")
_SAFE = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?")

log = logging.getLogger("jubako.monitoring")


@dataclass(frozen=True, slots=True)
class Part:
    """One file."""

    start: float
    seconds: int
    path: Path

    @property
    def end(self) -> float:
        return self.start + self.seconds


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cache: OrderedDict[Path, tuple[tuple[int, int], Profile]] = OrderedDict()
        self._lock = Lock()

    def place(self, model: str, version: str) -> Path:
        for name in (model, version):
            if not _SAFE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a model or version")
        return self.folder / model / version

    def file(self, model: str, version: str, start: float, seconds: int, mark: str) -> Path:
        """The file of one window. The mark belongs to its writer alone: a process and a number."""
        stamp = datetime.fromtimestamp(start, UTC).strftime(_STAMP)
        return self.place(model, version) / f"{stamp}-{seconds}s-{mark}.bin"

    def versions(self, model: str) -> list[str]:
        """The versions that were ever seen, the one seen last first."""
        folder = self.folder / model
        names = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        last = {name: max((part.end for part in self.parts(model, name)), default=0.0) for name in names}
        return sorted((name for name in names if last[name]), key=last.__getitem__, reverse=True)

    def parts(self, model: str, version: str) -> list[Part]:
        """Every file of a version, newest first; a merged file stands before what it was merged from."""
        folder = self.place(model, version)
        paths = list(folder.iterdir()) if folder.is_dir() else []
        parts = [part for part in map(parse, paths) if part]
        return sorted(parts, key=lambda part: (part.end, part.seconds, part.path.name), reverse=True)

    def newest(self, model: str, version: str) -> Iterator[tuple[Part, Profile]]:
        """Files with their profiles, newest first. ``FileNotFoundError`` when one was merged away meanwhile."""
        replaced: set[str] = set()
        for part in self.parts(model, version):
            if part.path.name in replaced:
                continue
            profile = self.load(part)
            if profile:
                replaced.update(profile.about.get(SOURCES, "").split())
                yield part, profile

    def recent(self, model: str, version: str, since: float, rows: int | None = None) -> list[tuple[Part, Profile]]:
        """The newest files back to ``since``, or no further than needed for so many rows."""
        for _attempt in range(5):
            found: list[tuple[Part, Profile]] = []
            total = 0
            try:
                for part, profile in self.newest(model, version):
                    if part.end <= since or (rows is not None and total >= rows):
                        break
                    found.append((part, profile))
                    total += profile.rows
            except FileNotFoundError:
                continue
            return found
        return found

    def load(self, part: Part) -> Profile | None:
        """The profile in a file; ``None`` for a file that something else has damaged."""
        facts = part.path.stat()
        stamp = (facts.st_mtime_ns, facts.st_ino)
        with self._lock:
            known = self._cache.get(part.path)
        if known and known[0] == stamp:
            return known[1]
        try:
            profile = Profile.read(part.path.read_bytes())
        except FileNotFoundError:
            raise
        except Exception:
            log.exception("%s cannot be read as a profile", part.path)
            return None
        with self._lock:
            self._cache[part.path] = (stamp, profile)
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return profile


def parse(path: Path) -> Part | None:
    """
    >>> parse(Path("20261121T041500Z-60s-9f3a-7.bin")).end - parse(Path("20261121T041500Z-60s-9f3a-7.bin")).start
    60.0
    >>> parse(Path(".20261121T041500Z-60s-9f3a-7.bin.draft")) is None
    True
    """
    found = _NAME.fullmatch(path.name)
    if not found:
        return None
    start = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC).timestamp()
    return Part(start, int(found[2]), path)
