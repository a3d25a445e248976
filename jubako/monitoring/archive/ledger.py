"""The accounting of every process that ever recorded, one file each, so that the totals survive restarts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from jubako import durable
from jubako.monitoring.record.observations import Accounting, RowCounts

SILENCE = 60.0
"""A process that has not written for so long, and did not close its page, was killed."""


@dataclass(frozen=True, slots=True)
class RowLedger:
    """One model's rows over all processes."""

    accounting: Accounting
    killed: int
    """Rows that were pending in processes that were killed, at most."""


def write(folder: Path, process: str, counts: Mapping[str, RowCounts], now: float, closed: bool) -> None:
    """Replace this process's page, when there is something on it."""
    models = {name: asdict(rows.account()) for name, rows in counts.items() if rows.received}
    if models:
        page = {"at": now, "closed": closed, "models": models}
        durable.write_whole(_folder(folder) / f"{process}.json", json.dumps(page).encode())


def read(folder: Path, model: str, now: float, without: str | None = None) -> RowLedger:
    """``without`` leaves out the process that reads: it knows its own numbers better."""
    total, killed = Accounting(), 0
    for file in sorted(_folder(folder).glob("*.json")):
        if file.stem == without:
            continue
        try:
            page = json.loads(file.read_bytes())
            account = Accounting(**page["models"][model])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # deleted meanwhile, or that process never answered for the model
        silent = not page["closed"] and now - page["at"] > SILENCE
        killed += account.pending if silent else 0
        total += account
    return RowLedger(total, killed)


def prune(folder: Path, before: float) -> None:
    for file in _folder(folder).glob("*.json"):
        if file.stat().st_mtime < before:
            file.unlink(missing_ok=True)


def _folder(folder: Path) -> Path:
    return folder / "accounting"
