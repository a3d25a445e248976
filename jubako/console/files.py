"""The console's files, read once. The page may run and load only what lies beside it: a version's label that holds
markup stays text, and a script in it could not run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
ADDRESS = "/console"
MEDIA = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
#: ``blob:`` shows a dropped picture. Trusted types: no text can become markup.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = (
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class File:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def files() -> dict[str, File]:
    """Address -> file. Whole addresses only; nothing of an address reaches the disk."""
    found = {f"{ADDRESS}/{path.name}": _file(path) for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA}
    # Links in the page are relative, so that a proxy may serve it below a path: the slash at the end goes.
    back = File(308, b"", ((b"location", b"../console"), *HEADERS))
    return {**found, ADDRESS: found.pop(f"{ADDRESS}/index.html"), f"{ADDRESS}/": back}


def _file(path: Path) -> File:
    return File(200, path.read_bytes(), ((b"content-type", MEDIA[path.suffix]), *HEADERS))
