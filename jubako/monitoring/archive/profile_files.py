"""Profile files on the disk: ``profiles/MODEL/VERSION/START-SECONDS-PROCESS-NUMBER.bin``.

Each name belongs to one window of one process, so files of several workers and restarts add up and never overlap. A
file that was merged from others names them: whatever is killed between writing the one and deleting the others, no
row counts twice.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from jubako.monitoring.record.profiles import Profile

SOURCES = "jubako.sources"
"""Metadata: the names of the files that a merged file replaces."""
CACHED, REMEMBERED = 64, 20_000
"""Profiles, and facts about files, that are kept in memory."""
DAY = 86_400.0

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d+)s-[0-9a-f]+-\d+\.bin")
_SAFE = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?")

Stamp = tuple[int, int]

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


class Moved(Exception):
    """A file was merged or deleted between looking and reading: look again."""


@dataclass(frozen=True, slots=True)
class Facts:
    rows: int
    sources: frozenset[str]
    """The names of the files that this one replaces."""


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._profiles: OrderedDict[Path, tuple[Stamp, Profile]] = OrderedDict()
        self._facts: dict[Path, tuple[Stamp, Facts]] = {}
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

    def recent(self, model: str, version: str, since: float, rows: int | None = None) -> list[Part]:
        """The newest files back to ``since``, or no further than needed for so many rows."""
        replaced: set[str] = set()
        found: list[Part] = []
        total = 0
        for part in self.parts(model, version):
            if part.end <= since or (rows is not None and total >= rows):
                break
            facts = self.facts(part) if part.path.name not in replaced else None
            if facts:
                replaced.update(facts.sources)
                found.append(part)
                total += facts.rows
        return found

    def merged(self, parts: Iterable[Part]) -> Profile | None:
        """All rows of these files as one profile. ``Moved`` when one was merged away meanwhile."""
        profiles = [profile for part in parts if (profile := self.load(part))]
        return Profile.merged(profiles) if profiles else None

    def facts(self, part: Part) -> Facts | None:
        """What must be known of every file; kept for long, because profiles are large and opening one takes 3 ms."""
        stamp = _stamp(part)
        known = self._facts.get(part.path)
        if known is None or known[0] != stamp:
            profile = self.load(part)
            if profile is None:
                return None
            known = (stamp, Facts(profile.rows, frozenset(profile.about.get(SOURCES, "").split())))
            self._facts[part.path] = known
            if len(self._facts) > REMEMBERED:
                self._facts.clear()
        return known[1]

    def load(self, part: Part) -> Profile | None:
        """The profile in a file; ``None`` for a file that something else has damaged."""
        stamp = _stamp(part)
        with self._lock:
            known = self._profiles.get(part.path)
        if known and known[0] == stamp:
            return known[1]
        try:
            profile = Profile.read(part.path.read_bytes())
        except FileNotFoundError as gone:
            raise Moved(part.path.name) from gone
        except Exception:
            log.exception("%s cannot be read as a profile", part.path)
            return None
        with self._lock:
            self._profiles[part.path] = (stamp, profile)
            while len(self._profiles) > CACHED:
                self._profiles.popitem(last=False)
        return profile


def _stamp(part: Part) -> Stamp:
    try:
        facts = part.path.stat()
    except FileNotFoundError as gone:
        raise Moved(part.path.name) from gone
    return facts.st_mtime_ns, facts.st_ino


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
