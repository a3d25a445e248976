"""A version in the BentoML store, with its evidence: written whole, refused when anything differs."""

from __future__ import annotations

from bentos.artifacts.evidence import Data, Evidence, Facts, Verdict, VersionRefused
from bentos.artifacts.golden import Golden, Known, what_differs
from bentos.artifacts.opening import Served, check, open_version, read_evidence, read_reference, versions
from bentos.artifacts.writing import new_version, write

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
