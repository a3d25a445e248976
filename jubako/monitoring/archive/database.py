"""The one database of monitoring: predictions, their late truth, and the pairs of a rollout's shadow.

SQLite in WAL mode: several gateway processes write, a killed one leaves it whole.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "predictions.sqlite"
FORMAT = 1
PATIENCE = 5.0
"""Seconds to wait for another process that writes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL, version TEXT NOT NULL,
  first REAL NOT NULL, last REAL NOT NULL,
  low TEXT NOT NULL, high TEXT NOT NULL,
  size INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  layout TEXT NOT NULL,
  marks BLOB NOT NULL, counts BLOB NOT NULL, times BLOB NOT NULL,
  outputs BLOB NOT NULL, signals BLOB NOT NULL, raw BLOB
);
CREATE INDEX IF NOT EXISTS blocks_by_mark ON blocks (model, version, high, low);
CREATE INDEX IF NOT EXISTS blocks_by_age ON blocks (last, size);
CREATE TABLE IF NOT EXISTS truths (
  model TEXT NOT NULL, version TEXT NOT NULL, mark TEXT NOT NULL, place INTEGER NOT NULL,
  predicted REAL NOT NULL, told REAL NOT NULL,
  truth REAL NOT NULL, outputs BLOB NOT NULL,
  PRIMARY KEY (model, version, mark, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS truths_by_version ON truths (model, version, told);
CREATE INDEX IF NOT EXISTS truths_by_told ON truths (told);
CREATE TABLE IF NOT EXISTS outcomes (
  model TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (model, outcome)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pairs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL, production TEXT NOT NULL, candidate TEXT NOT NULL,
  first REAL NOT NULL, last REAL NOT NULL,
  low TEXT NOT NULL, high TEXT NOT NULL,
  size INTEGER NOT NULL,
  rows INTEGER NOT NULL, disagreed INTEGER NOT NULL,
  marks BLOB NOT NULL, counts BLOB NOT NULL, times BLOB NOT NULL,
  old_outputs BLOB NOT NULL, new_outputs BLOB NOT NULL, agreed BLOB NOT NULL, raw BLOB
);
CREATE INDEX IF NOT EXISTS pairs_by_mark ON pairs (model, production, candidate, high, low);
CREATE INDEX IF NOT EXISTS pairs_by_age ON pairs (last, size);
CREATE TABLE IF NOT EXISTS pair_labels (
  model TEXT NOT NULL, production TEXT NOT NULL, candidate TEXT NOT NULL, mark TEXT NOT NULL, place INTEGER NOT NULL,
  told REAL NOT NULL,
  PRIMARY KEY (model, production, candidate, mark, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pair_counts (
  model TEXT NOT NULL, production TEXT NOT NULL, candidate TEXT NOT NULL,
  told REAL NOT NULL, pair INTEGER NOT NULL,
  only_candidate_wrong INTEGER NOT NULL, only_production_wrong INTEGER NOT NULL, ties INTEGER NOT NULL,
  PRIMARY KEY (model, production, candidate)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
INSERT OR IGNORE INTO identity VALUES (1, lower(hex(randomblob(8))));
"""


class WrongFormat(RuntimeError):
    """The database was made by another release."""


def connect(file: Path, *, durable: bool = False) -> sqlite3.Connection:
    """A connection in autocommit. ``durable``: a commit returns when a power cut can no longer undo it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or never
        _begin_wal(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise WrongFormat(f"{file} has format {found}; this release reads {FORMAT}. Move it away to begin anew.")
        if found == 0:
            file.chmod(0o600)
        if found == 0 or not _is_complete(connection):
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_complete(connection: sqlite3.Connection) -> bool:
    """Whether the newest table is there. Earlier releases read the file with it, so the format is the same."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'identity'").fetchone() is not None


def _begin_wal(connection: sqlite3.Connection) -> None:
    """The one statement that SQLite never waits with: when several open a new database at once, all but one are told
    that it is locked."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextmanager
def connected(file: Path, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
    connection = connect(file, durable=durable)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def opened(file: Path, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection for one piece of work, in one transaction that writes."""
    with connected(file, durable=durable) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
