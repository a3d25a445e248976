"""API keys: off by default, stored as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from jubako.settings import ApiKeySettings, ConfigurationRefused

_LINE = re.compile(r"(?P<name>[\w.-]{1,64}): *(?P<hash>[0-9a-f]{64})")


def new_key() -> str:
    """A key with 256 random bits: too many to find it from its plain hash."""
    return f"jbk_{secrets.token_urlsafe(32)}"


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Keyring:
    """The hashes of one file: ``name: sha256`` a line; ``#`` begins a comment."""

    def __init__(self, file: Path) -> None:
        try:
            lines = file.read_text().splitlines()
        except OSError as error:
            raise ConfigurationRefused(f"the API keys in {file} cannot be read: {error.strerror}") from error
        self._hashes: list[bytes] = []
        for number, line in enumerate(lines, 1):
            content = line.partition("#")[0].strip()
            if not content:
                continue
            found = _LINE.fullmatch(content)
            if not found:
                raise ConfigurationRefused(f"{file}, line {number}: expected `name: sha256-of-the-key`")
            self._hashes.append(found["hash"].encode())
        if not self._hashes:
            raise ConfigurationRefused(f"{file} holds no key: no client could call this service")

    def opens(self, authorization: bytes) -> bool:
        """Compares with every hash in constant time: the duration tells nothing about the keys."""
        scheme, _, key = authorization.partition(b" ")
        given = hashlib.sha256(key.strip()).hexdigest().encode()
        matches = [hmac.compare_digest(given, known) for known in self._hashes]
        return scheme.lower() == b"bearer" and any(matches)


def keyring(settings: ApiKeySettings) -> Keyring | None:
    return Keyring(Path(settings.file).expanduser()) if settings.enabled and settings.file else None
