"""Retention: minutes become hours, and what is too old or too much is deleted.

One process at a time; the others skip their turn. Every step may be killed and is done again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jubako import durable
from jubako.monitoring.archive import database, ledger, word_files
from jubako.monitoring.archive.profile_files import (
    DAY,
    REFERENCE,
    SOURCES,
    ProfileArchive,
    ProfileFile,
    ProfileMoved,
    parse,
)
from jubako.monitoring.record.profiles import Profile
from jubako.settings import MonitoringSettings

HOUR = 3_600
GRACE = 3_600.0
"""After its end an hour is left alone for so long: much longer than a process goes on writing its windows."""
PROFILE_SHARE = 0.25
"""Of ``keep_megabytes``. The prediction log takes the rest."""
TRUTH_SHARE, TRUTH_BYTES = 0.2, 200
"""Of the prediction log's share, and what one late truth takes."""
DRAFT_AGE = 3_600.0
MEGABYTE = 1024 * 1024

log = logging.getLogger("jubako.monitoring")
Rest = Callable[[], None]


def clean_up(
    folder: Path, archive: ProfileArchive, settings: MonitoringSettings, now: float, rest: Rest = lambda: None
) -> None:
    """Never raises: what cannot be cleaned up now is tried again a minute later."""
    oldest = now - settings.keep_days * DAY
    budget = settings.keep_megabytes * MEGABYTE
    try:
        with durable.alone(folder / "keeping.lock") as held:
            if held is None:
                return
            for model, version in _versions(archive):
                merge_hours(archive, model, version, now, rest)
            prune_profiles(archive, oldest, budget * PROFILE_SHARE)
            ledger.prune(folder, oldest)
            word_files.prune(folder, max(oldest, now - DAY))
            _sweep_drafts(folder, now)
            prune_predictions(folder / database.FILE, oldest, budget * (1 - PROFILE_SHARE))
    except (OSError, sqlite3.Error, ProfileMoved) as error:
        log.error("monitoring could not clean up: %s: %s", type(error).__name__, error)


def merge_hours(archive: ProfileArchive, model: str, version: str, now: float, rest: Rest = lambda: None) -> None:
    """Put the files of each hour that is over into one."""
    hours: dict[float, list[ProfileFile]] = defaultdict(list)
    for part in archive.parts(model, version):
        hours[part.start // HOUR * HOUR].append(part)
    for hour, parts in sorted(hours.items()):
        if len(parts) > 1:
            left = _finish_deleting(archive, parts)
            is_over = now >= hour + HOUR + GRACE and all(part.end <= hour + HOUR for part in left)
            if is_over and len(left) > 1 and (merged := _merged(archive, left, rest)):
                about = {"jubako.model": model, "jubako.version": version}
                target = archive.file(model, version, hour, HOUR, f"{os.getpid():x}{os.urandom(4).hex()}-0")
                _replace(target, left, merged, about)


def _merged(archive: ProfileArchive, parts: list[ProfileFile], rest: Rest) -> Profile | None:
    """``None`` when one of them cannot be read: then all stay as they are."""
    merged: Profile | None = None
    for part in parts:
        profile = archive.load(part)
        if profile is None:
            return None
        merged = Profile.merged([merged, profile] if merged else [profile])
        rest()
    return merged


def _replace(target: Path, parts: list[ProfileFile], merged: Profile, about: dict[str, str]) -> None:
    sources = " ".join(part.path.name for part in parts)
    durable.write_whole(target, Profile.merged([merged], {**about, SOURCES: sources}).dump())
    for part in parts:
        part.path.unlink(missing_ok=True)


def _finish_deleting(archive: ProfileArchive, parts: list[ProfileFile]) -> list[ProfileFile]:
    """Delete what a merged file names and a killed process left behind. Returns the others."""
    replaced: set[str] = set()
    for part in parts:
        if part.seconds == HOUR and (facts := archive.facts(part)):
            replaced.update(facts.sources)
    for part in parts:
        if part.path.name in replaced:
            part.path.unlink(missing_ok=True)
    return [part for part in parts if part.path.name not in replaced]


def prune_profiles(archive: ProfileArchive, oldest: float, budget: float) -> None:
    """Delete files that end before ``oldest``, then the oldest until the rest fits in ``budget`` bytes."""
    parts = sorted((part for path in archive.folder.rglob("*.bin") if (part := parse(path))), key=lambda part: part.end)
    sizes = {part.path: part.path.stat().st_size for part in parts}
    total = sum(sizes.values())
    for part in parts:
        if part.end >= oldest and total <= budget:
            break
        part.path.unlink(missing_ok=True)
        total -= sizes[part.path]
    for model, version in _versions(archive):
        if not archive.parts(model, version):
            with suppress(OSError):  # another process has just written into it
                (archive.place(model, version) / REFERENCE).unlink(missing_ok=True)
                archive.place(model, version).rmdir()


def prune_predictions(file: Path, oldest: float, budget: float) -> None:
    if not file.exists():
        return
    with database.opened(file) as connection:
        (fits,) = connection.execute(_FITS, (budget * (1 - TRUTH_SHARE),)).fetchone()
        for blocks in ("blocks", "pairs"):
            connection.execute(f"DELETE FROM {blocks} WHERE last < ?", (max(oldest, fits),))  # noqa: S608
        connection.execute("DELETE FROM truths WHERE told < ?", (oldest,))
        connection.execute(_DELETE_TRUTHS, (round(budget * TRUTH_SHARE / TRUTH_BYTES),))
        connection.execute(_DELETE_LABELS)
    with database.connected(file) as connection:
        connection.execute("PRAGMA incremental_vacuum(10000)").fetchall()


_FITS = """
SELECT COALESCE(MIN(last), 9e99) FROM (
  SELECT last, SUM(size) OVER (ORDER BY last DESC, size) AS used
  FROM (SELECT last, size FROM blocks UNION ALL SELECT last, size FROM pairs)
) WHERE used <= ?
"""
"""Since when the predictions and pairs fit: both are deleted by the same age."""
_DELETE_TRUTHS = "DELETE FROM truths WHERE told < (SELECT told FROM truths ORDER BY told DESC LIMIT 1 OFFSET ?)"
_DELETE_LABELS = "DELETE FROM pair_labels WHERE told < (SELECT COALESCE(MIN(told), 9e99) FROM truths)"


def _versions(archive: ProfileArchive) -> list[tuple[str, str]]:
    return [(path.parent.name, path.name) for path in archive.folder.glob("*/*") if path.is_dir()]


def _sweep_drafts(folder: Path, now: float) -> None:
    for draft in folder.rglob(".*.bin.*"):
        if draft.stat().st_mtime < now - DRAFT_AGE:
            draft.unlink(missing_ok=True)
