"""A version in the BentoML store, with its evidence: written whole, refused when anything differs."""

from __future__ import annotations

from jubako.versions.golden import Golden, Known, what_differs
from jubako.versions.manifest import Data, Evidence, Facts, Verdict, VersionRefused
from jubako.versions.opening import Served, check, open_version, read_evidence, read_reference, versions
from jubako.versions.writing import new_version, write

__all__ = [
    "Data",
    "Evidence",
    "Facts",
    "Golden",
    "Known",
    "Served",
    "Verdict",
    "VersionRefused",
    "check",
    "new_version",
    "open_version",
    "read_evidence",
    "read_reference",
    "versions",
    "what_differs",
    "write",
]
