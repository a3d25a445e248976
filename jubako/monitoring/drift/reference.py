"""What is normal for a version: the profile of the rows that its training kept aside for this."""

from __future__ import annotations

import logging
from contextlib import suppress

from jubako import durable
from jubako.card import AnyCard
from jubako.monitoring.archive.profile_files import Archive
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.profiles import Profile, Sketches
from jubako.versions import store
from jubako.versions.manifest import VersionRefused

FILE = "reference.bin"

log = logging.getLogger("jubako.monitoring")


def reference_profile(archive: Archive, card: AnyCard, version: str) -> Profile | None:
    """The version's reference as a whylogs profile; ``None`` when the version is not in the store any more.

    It is kept beside the version's live profiles, so that whoever copies these has both, and so that the report of a
    version outlives the version.
    """
    file = archive.place(card.name, version) / FILE
    try:
        return Profile.read(file.read_bytes())
    except FileNotFoundError:
        pass
    except Exception:
        log.exception("%s cannot be read; it is made again", file)
    made = _make(card, version)
    if made:
        with suppress(OSError):  # a disk that cannot be written costs only the time to make it again
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
    return sketches.profile(0.0, {"jubako.models": card.name, "jubako.version": version, "jubako.reference": "true"})
