"""The one database of monitoring: predictions and their late truth.

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
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
    except BaseException:
        connection.close()
        raise
    return connection


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
