"""API keys: off by default, named, stored as hashes, read again when their file changes."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from jubako.batching import ApiKey
from jubako.settings import ApiKeySettings, ConfigurationRefused, KeyLimits

log = logging.getLogger("jubako.keys")

_LINE = re.compile(r"(?P<name>[\w.-]{1,64}): *(?P<hash>[0-9a-f]{64})(?P<limits>(?: +\w+=[\w.+-]+)*)")
#: Labels in metrics for requests with an unknown key and without one.
UNKNOWN, NONE = "unknown", "none"
EXPECTED = "`name: sha256-of-the-key`, then `rows_a_minute=N` and `queue_share=X` if it has limits of its own"


def new_key() -> str:
    """A key with 256 random bits: too many to find it from its plain hash."""
    return f"jbk_{secrets.token_urlsafe(32)}"


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One line of a key file."""

    name: str
    hash: str
    limits: KeyLimits

    def __str__(self) -> str:
        own = self.limits.model_dump(exclude_none=True)
        return " ".join([f"{self.name}: {self.hash}", *(f"{limit}={value}" for limit, value in own.items())])


def read_keys(file: Path) -> list[KeyLine]:
    try:
        found = parse_keys(file.read_text(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationRefused(f"the API keys in {file} cannot be read: {why}") from error
    if not found:
        raise ConfigurationRefused(f"{file} holds no key: no client could call this service")
    return found


def parse_keys(text: str, file: str) -> list[KeyLine]:
    """``#`` begins a comment. Several lines may have one name: a new key beside the old one, with the same limits."""
    found: list[KeyLine] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if content:
            found.append(_parse(content, f"{file}, line {number}"))
    if len({line.hash for line in found}) < len(found):
        raise ConfigurationRefused(f"{file} holds the same key twice")
    limits: dict[str, KeyLimits] = {}
    for one in found:
        if limits.setdefault(one.name, one.limits) != one.limits:
            raise ConfigurationRefused(f"{file}: the lines of {one.name} have different limits; its keys share them")
    return found


def _parse(content: str, place: str) -> KeyLine:
    line = _LINE.fullmatch(content)
    if not line:
        raise ConfigurationRefused(f"{place}: expected {EXPECTED}")
    if line["name"] in (UNKNOWN, NONE):
        raise ConfigurationRefused(f"{place}: the name {line['name']} means requests without a known key")
    try:
        limits = KeyLimits.model_validate_strings(dict(limit.split("=") for limit in line["limits"].split()))
    except ValidationError as error:
        (first, *_) = error.errors()
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ConfigurationRefused(f"{place}: expected {EXPECTED}; {why}") from None
    return KeyLine(line["name"], line["hash"], limits)


class Keyring:
    """The keys of one file. A key without a limit of its own has the one of ``settings``.

    Each of a gateway's ``workers`` is given an equal part of a quota, so that together they keep it.
    """

    def __init__(self, file: Path, settings: KeyLimits = KeyLimits(), workers: int = 1) -> None:
        self._file = file
        self._settings = settings
        self._workers = workers
        self._unknown, self._none = ApiKey(UNKNOWN, known=False), ApiKey(NONE, known=False)
        self.keys: dict[str, ApiKey] = {UNKNOWN: self._unknown, NONE: self._none}
        """All that were known since the start, by name; the two that are no keys, too."""
        self._by_hash: dict[bytes, ApiKey] = {}
        self._read = self._seen = self._stamp()
        self._use(read_keys(file))

    def key_of(self, headers: Mapping[bytes, bytes]) -> ApiKey:
        """The key in ``X-API-Key``, or else in ``Authorization: Bearer``.

        The hash of what was sent is looked up, so the lookup's duration depends on that hash alone. A client cannot
        choose a hash that resembles a known one, and so learns nothing about the keys.
        """
        given = headers.get(b"x-api-key")
        if given is None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return self._none
        given = given.strip()
        return self._by_hash.get(hashlib.sha256(given).digest(), self._unknown) if given else self._none

    def refresh(self) -> None:
        """Use the file if it has changed; call it now and then, from any thread.

        A file counts as changed when it is the same twice: one that is still written is not read. A file that is
        refused is logged once, and the known keys stay.
        """
        seen, self._seen = self._seen, self._stamp()
        if self._seen == self._read or self._seen != seen:
            return
        self._read = self._seen
        try:
            lines = read_keys(self._file)
        except ConfigurationRefused as refused:
            log.error("the changed key file is refused, the keys before it stay: %s", refused)
        else:
            self._use(lines)
            log.info("the key file was read again: %d keys", len(lines))

    def _stamp(self) -> tuple[int, ...]:
        try:
            status = self._file.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _use(self, lines: Iterable[KeyLine]) -> None:
        by_hash: dict[bytes, ApiKey] = {}
        keys = dict(self.keys)
        for line in lines:
            key = keys.setdefault(line.name, ApiKey(line.name))
            rows = line.limits.rows_a_minute or self._settings.rows_a_minute
            share = line.limits.queue_share or self._settings.queue_share
            key.limit(None if rows is None else rows / self._workers, share)
            by_hash[bytes.fromhex(line.hash)] = key
        self.keys, self._by_hash = keys, by_hash  # at once: requests look up while this runs in a thread


def keyring(settings: ApiKeySettings, workers: int = 1) -> Keyring | None:
    if not settings.enabled or not settings.file:
        return None
    return Keyring(Path(settings.file).expanduser(), settings, workers)
