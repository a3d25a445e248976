"""Where a run works: scratch files, the peers' environments, ports, and the versions in the store."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from jubako import home
from jubako.collection import Collection
from jubako.versions import stages
from jubako.versions.store import check

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = Collection.found(ROOT)


@dataclass(frozen=True, slots=True)
class Place:
    """The files and ports of one server under measurement."""

    model: str
    files: Path
    """The folder of the model's version."""
    scratch: Path
    port: int
    second: int
    third: int

    def words(self) -> dict[str, str]:
        """The placeholders of a server's command."""
        ports = {"port": str(self.port), "second": str(self.second), "third": str(self.third)}
        return {"model": self.model, "files": str(self.files), "scratch": str(self.scratch), "root": str(ROOT), **ports}


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def versions() -> dict[str, Path]:
    """Model -> the checked files of its production version; a model without one is not there."""
    found: dict[str, Path] = {}
    for name in COLLECTION.cards:
        tag = stages.production(name) if name in COLLECTION.models else None
        if tag is not None:
            check(tag, COLLECTION.cards[name])
            found[name] = home.model_store() / name / tag.partition(":")[2]
    return found
