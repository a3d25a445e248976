"""Findings in an image: secrets, unlocked packages, size."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from deploy.image.layers import Image, LayerFile

MOST_BYTES = 1_500_000_000
SITE_PACKAGES = re.compile(r"/app/\.venv/lib/python[\d.]+/site-packages/")
CUDA = re.compile(r"(cuda|nvidia)-|triton$")
DISTRIBUTION = re.compile(SITE_PACKAGES.pattern + r"([^/]+)-([^/-]+)\.dist-info/METADATA")

#: Patterns of secrets.
KEYS = {
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}",
    "one of our API keys": rb"\bjbk_[\w-]{43}\b",
    "a cloud key": rb"\bAKIA[0-9A-Z]{16}\b",
    "a GitHub token": rb"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    "a GitLab token": rb"\bglpat-[\w-]{20}\b",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{34}\b",
    "a chat token": rb"\bxox[abprs]-[\w-]{20}",
    "a password in an address": rb"(?m)^[^#\n]*\b(?:index-url|proxy|remote|url)\b.{0,20}https?://[^\s/:@]+:[^\s/:@]+@",
}
PATTERNS = {what: re.compile(pattern) for what, pattern in KEYS.items()}
#: Files that hold keys or internals.
PRIVATE = {".env", ".git-credentials", ".netrc", ".npmrc", ".pypirc", "id_ed25519", "id_rsa", "mlflow.db"}
PRIVATE_FOLDERS = {".aws", ".docker", ".git", ".jubako", ".kube", ".ssh"}


@dataclass(frozen=True, order=True)
class Leak:
    path: str
    layer: int
    what: str

    def __str__(self) -> str:
        return f"{self.path} (layer {self.layer}): {self.what}"


def leaks(image: Image) -> list[Leak]:
    """Everything that looks like a secret, in any layer, in the environment and in the history."""
    published = _published(image)
    found = set(_in_config(image))
    for layer in image.layers:
        for file in layer.files:
            if not _is_published(file, published):
                found.update(Leak(file.path, layer.number, what) for what in _suspicions(file))
    return sorted(found)


def _is_published(file: LayerFile, published: dict[str, str]) -> bool:
    """Files that a package published with a hash, and their bytecode, are not secret: keys in tests, examples."""
    source = re.sub(r"__pycache__/([^/.]+)\.[^/]+\.pyc$", r"\1.py", file.path)
    if source != file.path:
        return source in published
    return file.content is not None and published.get(file.path) == _hash(file.content)


def _suspicions(file: LayerFile) -> Iterator[str]:
    path = PurePosixPath(file.path)
    if path.name in PRIVATE or PRIVATE_FOLDERS & set(path.parts[:-1]):
        yield "a private file"
    for what, pattern in PATTERNS.items():
        if file.content and pattern.search(file.content):
            yield what


def _in_config(image: Image) -> Iterator[Leak]:
    text = json.dumps(image.config).encode()
    yield from (
        Leak("the image's configuration", -1, what) for what, pattern in PATTERNS.items() if pattern.search(text)
    )
    for line in image.config.get("config", {}).get("Env") or ():
        name, _, value = line.partition("=")
        if value and re.search(r"(?i)password|secret|token|api_?key", name):
            yield Leak("the image's environment", -1, f"{name} has a value")


def _published(image: Image) -> dict[str, str]:
    """Path -> hash, as the packages of the virtual environment declare their own files."""
    known: dict[str, str] = {}
    for layer in image.layers:
        for file in layer.files:
            if file.path.endswith(".dist-info/RECORD") and file.content:
                place = PurePosixPath(file.path).parent.parent
                for row in csv.reader(file.content.decode().splitlines()):
                    if len(row) > 1 and row[1]:
                        known[str(place / row[0])] = row[1]
    return known


def _hash(content: bytes) -> str:
    """As in a wheel's RECORD.

    >>> _hash(b"")
    'sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
    """
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def distributions(image: Image) -> dict[str, str]:
    """The packages in the virtual environment that serves, and their versions."""
    found = (DISTRIBUTION.fullmatch(file.path) for layer in image.layers for file in layer.files)
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


def pins(lock: str) -> dict[str, str]:
    """
    >>> pins("# about\\nnumpy==2.4.6\\nuvloop==0.23.0 ; sys_platform != 'win32'\\n")
    {'numpy': '2.4.6', 'uvloop': '0.23.0'}
    """
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))


def differences(image: Image, lock: str) -> list[str]:
    """Packages that are not those of the lock. A torch that is locked names the exact CUDA libraries that it needs."""
    there, wanted = distributions(image), pins(lock)
    more = [name for name in there.keys() - wanted.keys() if not ("torch" in wanted and CUDA.match(name))]
    lines = [f"{name} {there[name]} is not in the lock" for name in more]
    for name, version in wanted.items():
        if there.get(name) != version:
            lines.append(f"{name} {version} is locked, {there.get(name, 'nothing')} is there")
    return sorted(lines)


def weights(image: Image, most: int = 8) -> list[tuple[str, int]]:
    """The largest parts of the image: packages of the environment and folders."""
    sums: dict[str, int] = {}
    for layer in image.layers:
        for file in layer.files:
            inside = SITE_PACKAGES.match(file.path)
            parts = file.path[inside.end() :].split("/")[:1] if inside else file.path.split("/")[:3]
            name = "/".join(parts)
            sums[name] = sums.get(name, 0) + file.size
    return sorted(sums.items(), key=lambda item: -item[1])[:most]
