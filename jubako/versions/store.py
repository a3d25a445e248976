"""Opens versions in the BentoML store: checks hashes before files are parsed, golden rows before a version serves."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from jubako import home
from jubako.card import AnyCard, Row
from jubako.models import AnyModel, Column, Runtime
from jubako.versions import known_words, reference
from jubako.versions.golden import Golden, KnownAnswers, what_differs
from jubako.versions.known_words import KnownWords
from jubako.versions.manifest import Manifest, VersionRefused
from jubako.versions.writing import GOLDEN, MANIFEST, MODEL_YAML, REFERENCE, UNKNOWN, sha256

#: As BentoML names models.
NAME = re.compile(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?")
_MANIFEST_HASH = re.compile(rb"manifest: sha256:([0-9a-f]{64})\n")


@dataclass(frozen=True)
class LoadedVersion:
    """A loaded and checked version: its model and its manifest."""

    model: AnyModel
    tag: str
    manifest: Manifest
    golden_rows: tuple[Row, ...]
    golden: KnownAnswers
    """The expected outputs of this engine for the golden rows, with their tolerance."""

    @property
    def version(self) -> str:
        return self.manifest.version


def versions(name: str) -> list[str]:
    """The versions of a model in the store, oldest first."""
    folder = home.model_store() / name
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def read_manifest(tag: str) -> Manifest:
    """The manifest, if its hash is the one in BentoML's own file of this version."""
    name, _, version = tag.partition(":")
    folder = _folder(tag)
    try:
        yaml = (folder / MODEL_YAML).read_bytes()
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise VersionRefused(tag, f"{Path(error.filename or '').name} cannot be read ({error.strerror})") from error
    hashes = _MANIFEST_HASH.findall(yaml)
    if len(hashes) != 1:
        raise VersionRefused(tag, f"{MODEL_YAML} does not say which manifest belongs to it")
    if hashlib.sha256(content).hexdigest() != hashes[0].decode():
        raise VersionRefused(tag, f"{MANIFEST} is not the one that {MODEL_YAML} names")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise VersionRefused(tag, f"{MANIFEST} was written by another release: {error.errors()[0]['msg']}") from error
    if hashlib.sha256(yaml.replace(hashes[0], UNKNOWN.encode())).hexdigest() != manifest.model_yaml:
        raise VersionRefused(tag, f"{MODEL_YAML} was changed")
    if (manifest.model, manifest.version) != (name, version):
        raise VersionRefused(tag, f"its manifest belongs to {manifest.tag}")
    return manifest


def check(tag: str, card: AnyCard) -> Manifest:
    """Checks everything that needs no loaded model: manifest, every file, the card."""
    manifest = read_manifest(tag)
    folder = _folder(tag)
    found = {
        str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    unlisted = found.keys() - manifest.files.keys() - {MODEL_YAML, MANIFEST}
    if unlisted:
        raise VersionRefused(tag, f"{min(unlisted)} is not in its manifest")
    for file, expected in manifest.files.items():
        if file not in found or found[file].is_symlink() or not found[file].is_file():
            raise VersionRefused(tag, f"{file} is missing or no plain file")
        if sha256(found[file]) != expected:
            raise VersionRefused(tag, f"{file} was changed")
    if manifest.schema_fingerprint != card.fingerprint():
        raise VersionRefused(tag, "it was trained for another card; train it again")
    return manifest


def open_version(tag: str, model: type[AnyModel], runtime: Runtime = Runtime()) -> LoadedVersion:
    """A version, checked, loaded, and checked again with its golden rows."""
    manifest = check(tag, model.card)
    folder = _folder(tag)
    try:
        golden = Golden.read((folder / GOLDEN).read_bytes(), model.card)
        loaded = model.load(folder, runtime)
        outputs = loaded.predict(loaded.encode(golden.rows))
    except Exception as error:
        raise VersionRefused(tag, f"it does not load here: {type(error).__name__}: {error}") from error
    known = golden.expected(loaded.engine)
    if difference := what_differs(model.card, outputs, known):
        raise VersionRefused(tag, f"{difference}, computed by {loaded.engine}")
    return LoadedVersion(loaded, tag, manifest, golden.rows, known)


def read_reference(tag: str) -> dict[str, Column]:
    """The monitored columns of held-out rows: the baseline of drift for this version."""
    return reference.read(_checked_file(tag, REFERENCE))


def read_words(tag: str) -> KnownWords | None:
    """The words of its training; ``None`` for a version of no texts, or from before they were counted."""
    if known_words.FILE not in read_manifest(tag).files:
        return None
    return KnownWords.read(_checked_file(tag, known_words.FILE))


def _checked_file(tag: str, file: str) -> bytes:
    expected = read_manifest(tag).files.get(file)
    content = (_folder(tag) / file).read_bytes() if expected else b""
    if hashlib.sha256(content).hexdigest() != expected:
        raise VersionRefused(tag, f"{file} was changed")
    return content


def _folder(tag: str) -> Path:
    name, _, version = tag.partition(":")
    folder = home.model_store() / name / version
    # A tag comes from commands and URLs: it must not name another place on the disk.
    if not NAME.fullmatch(version) or not NAME.fullmatch(name) or not folder.is_dir():
        raise VersionRefused(tag, "there is no such version in the store")
    return folder
