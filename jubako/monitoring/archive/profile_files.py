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
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from jubako import durable
from jubako.card import AnyCard
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.profiles import Profile, Sketches
from jubako.versions import store
from jubako.versions.manifest import VersionRefused

REFERENCE = "reference.bin"
"""What is normal for a version: the profile of the rows that its training kept aside for this."""
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
class ProfileFile:
    """The file of one window, or of one merged hour."""

    start: float
    seconds: int
    path: Path

    @property
    def end(self) -> float:
        return self.start + self.seconds


class ProfileMoved(Exception):
    """A file was merged or deleted between listing and reading: list again."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    rows: int
    sources: frozenset[str]
    """The names of the files that this one replaces."""


class ProfileArchive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._profiles: OrderedDict[Path, tuple[Stamp, Profile]] = OrderedDict()
        self._facts: dict[Path, tuple[Stamp, FileFacts]] = {}
        self._lock = Lock()

    def place(self, model: str, version: str) -> Path:
        for name in (model, version):
            if not _SAFE.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a model or version")
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

    def parts(self, model: str, version: str) -> list[ProfileFile]:
        """Every file of a version, newest first; a merged file comes before its sources."""
        folder = self.place(model, version)
        paths = list(folder.iterdir()) if folder.is_dir() else []
        parts = [part for part in map(parse, paths) if part]
        return sorted(parts, key=lambda part: (part.end, part.seconds, part.path.name), reverse=True)

    def recent(self, model: str, version: str, since: float, rows: int | None = None) -> list[ProfileFile]:
        """The newest files back to ``since``, or no further than needed for so many rows."""
        replaced: set[str] = set()
        found: list[ProfileFile] = []
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

    def merged(self, parts: Iterable[ProfileFile]) -> Profile | None:
        """All rows of these files as one profile. ``ProfileMoved`` when one was merged away meanwhile."""
        profiles = [profile for part in parts if (profile := self.load(part))]
        return Profile.merged(profiles) if profiles else None

    def facts(self, part: ProfileFile) -> FileFacts | None:
        """What must be known of every file; kept for long, because opening a profile takes 3 ms."""
        stamp = _stamp(part)
        known = self._facts.get(part.path)
        if known is None or known[0] != stamp:
            profile = self.load(part)
            if profile is None:
                return None
            known = (stamp, FileFacts(profile.rows, frozenset(profile.about.get(SOURCES, "").split())))
            self._facts[part.path] = known
            if len(self._facts) > REMEMBERED:
                self._facts.clear()
        return known[1]

    def load(self, part: ProfileFile) -> Profile | None:
        """The profile in a file; ``None`` for a damaged file."""
        stamp = _stamp(part)
        with self._lock:
            known = self._profiles.get(part.path)
        if known and known[0] == stamp:
            return known[1]
        try:
            profile = Profile.read(part.path.read_bytes())
        except FileNotFoundError as gone:
            raise ProfileMoved(part.path.name) from gone
        except Exception:
            log.exception("%s cannot be read as a profile", part.path)
            return None
        with self._lock:
            self._profiles[part.path] = (stamp, profile)
            while len(self._profiles) > CACHED:
                self._profiles.popitem(last=False)
        return profile


def _stamp(part: ProfileFile) -> Stamp:
    try:
        facts = part.path.stat()
    except FileNotFoundError as gone:
        raise ProfileMoved(part.path.name) from gone
    return facts.st_mtime_ns, facts.st_ino


def parse(path: Path) -> ProfileFile | None:
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
    return ProfileFile(start, int(found[2]), path)


def reference_profile(archive: ProfileArchive, card: AnyCard, version: str) -> Profile | None:
    """The version's reference as a whylogs profile; ``None`` when the version is not in the store any more.

    It is kept beside the version's live profiles: a copy of the folder has both, and the report of a version outlives
    the version.
    """
    file = archive.place(card.name, version) / REFERENCE
    try:
        return Profile.read(file.read_bytes())
    except FileNotFoundError:
        pass
    except Exception:
        log.exception("%s cannot be read; it is made again", file)
    made = _make(card, version)
    if made:
        with suppress(OSError):  # on a disk that cannot be written it is made again each time
            durable.write_whole(file, made.dump())
    return made


def _make(card: AnyCard, version: str) -> Profile | None:
    try:
        columns = store.read_reference(f"{card.name}:{version}")
        sketches = Sketches(card)
        sketches.track(check(card, columns))
    except VersionRefused as refused:
        log.warning("no reference: %s", refused)
        return None
    except Exception:
        log.exception("the reference of %s:%s cannot be profiled", card.name, version)
        return None
    return sketches.profile(0.0, {"jubako.model": card.name, "jubako.version": version, "jubako.reference": "true"})
