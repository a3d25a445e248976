"""Two versions that should be the same: what differs between their files, known answers, data and environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jubako.versions.golden import distance
from jubako.versions.manifest import Manifest
from jubako.versions.writing import GOLDEN, REFERENCE

Version = tuple[Manifest, Path]


@dataclass(frozen=True)
class Difference:
    what: str
    """``golden rows``, ``file``, ``data``, ``environment``, ``parameters``."""
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how}"


def compare(before: Version, again: Version) -> Iterator[Difference]:
    """Nothing when both are the same to the bit. Golden rows first: whether both answer alike matters most."""
    first, second = before[0], again[0]
    yield from _golden(*(json.loads((folder / GOLDEN).read_bytes()) for _, folder in (before, again)))
    if first.data.sha256 != second.data.sha256:
        yield Difference(
            "data", f"sha256 {second.data.sha256[:12]} with {second.data.rows:,} rows, "
            f"was {first.data.sha256[:12]} with {first.data.rows:,} rows",
        )  # fmt: skip
    yield from _values("parameters", first.params, second.params)
    yield from _values("environment", _environment(first), _environment(second))
    for file in sorted({*first.files, *second.files} - {GOLDEN, REFERENCE}):
        if first.files.get(file) != second.files.get(file):
            yield Difference("file", f"{file} is {_presence(file, first, second)}")


def _golden(before: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Difference]:
    if before["rows"] != again["rows"]:
        yield Difference("golden rows", "they are other rows, so answers cannot be compared")
        return
    for engine, known in before["engines"].items():
        if engine not in again["engines"]:
            yield Difference("golden rows", f"{engine} did not answer")
            continue
        apart = distance(*(np.array(one["engines"][engine]["outputs"], np.float32) for one in (again, before)))
        if apart:
            told = "within" if apart <= known["tolerance"] else "beyond"
            yield Difference(
                "golden rows",
                f"{engine} answers up to {apart:.3g} away, {told} the tolerance of {known['tolerance']:g}",
            )


def _environment(manifest: Manifest) -> dict[str, str]:
    return {"lock": (manifest.lock_sha256 or "none")[:12], "engine": manifest.engine, **manifest.frameworks}


def _values(what: str, before: Mapping[str, object], again: Mapping[str, object]) -> Iterator[Difference]:
    """
    >>> list(map(str, _values("environment", {"numpy": "1", "torch": "2"}, {"numpy": "2", "torch": "2"})))
    ['environment: numpy is 2, was 1']
    """
    for name in sorted({*before, *again}):
        if before.get(name) != again.get(name):
            yield Difference(what, f"{name} is {again.get(name, 'absent')}, was {before.get(name, 'absent')}")


def _presence(file: str, before: Manifest, again: Manifest) -> str:
    return "absent" if file not in again.files else "new" if file not in before.files else "not the same to the bit"
