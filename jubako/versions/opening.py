"""Open a version of the BentoML store: nothing is parsed before its hash was checked, nothing serves unproven."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bentos.cards import CARDS
from bentos.models import MODELS
from jubako import home
from jubako.card import Row
from jubako.model import AnyModel, Column, Runtime
from jubako.versions import reference
from jubako.versions.golden import Golden, Known, what_differs
from jubako.versions.manifest import Evidence, VersionRefused
from jubako.versions.writing import EVIDENCE, GOLDEN, MODEL_YAML, REFERENCE, UNKNOWN, sha256

_PROMISE = re.compile(rb"evidence: sha256:([0-9a-f]{64})\n")


@dataclass(frozen=True)
class Served:
    """A version that proved itself: what it is and what computes."""

    model: AnyModel
    tag: str
    evidence: Evidence
    golden_rows: tuple[Row, ...]
    golden: Known
    """What this engine answers to the golden rows, and how exactly."""

    @property
    def version(self) -> str:
        return self.evidence.version


def versions(name: str) -> list[str]:
    """The versions of a model in the store, oldest first."""
    folder = home.model_store() / name
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def read_evidence(tag: str) -> Evidence:
    """The evidence, when it is the one that BentoML's own file of this version promises."""
    name, _, version = tag.partition(":")
    folder = _folder(tag)
    try:
        yaml = (folder / MODEL_YAML).read_bytes()
        content = (folder / EVIDENCE).read_bytes()
    except OSError as error:
        raise VersionRefused(tag, f"{Path(error.filename or '').name} cannot be read ({error.strerror})") from error
    promise = _PROMISE.findall(yaml)
    if len(promise) != 1:
        raise VersionRefused(tag, f"{MODEL_YAML} does not say which evidence belongs to it")
    if hashlib.sha256(content).hexdigest() != promise[0].decode():
        raise VersionRefused(tag, f"{EVIDENCE} is not the one that {MODEL_YAML} names")
    try:
        evidence = Evidence.model_validate_json(content)
    except ValidationError as error:
        raise VersionRefused(tag, f"{EVIDENCE} was written by another release: {error.errors()[0]['msg']}") from error
    if hashlib.sha256(yaml.replace(promise[0], UNKNOWN.encode())).hexdigest() != evidence.model_yaml:
        raise VersionRefused(tag, f"{MODEL_YAML} was changed")
    if (evidence.model, evidence.version) != (name, version):
        raise VersionRefused(tag, f"its evidence belongs to {evidence.tag}")
    return evidence


def check(tag: str) -> Evidence:
    """Everything that can be known without loading the model: evidence, every file, the card."""
    evidence = read_evidence(tag)
    folder = _folder(tag)
    found = {
        str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    unlisted = found.keys() - evidence.files.keys() - {MODEL_YAML, EVIDENCE}
    if unlisted:
        raise VersionRefused(tag, f"{min(unlisted)} is not in its evidence")
    for file, expected in evidence.files.items():
        if file not in found or found[file].is_symlink() or not found[file].is_file():
            raise VersionRefused(tag, f"{file} is missing or no plain file")
        if sha256(found[file]) != expected:
            raise VersionRefused(tag, f"{file} was changed")
    if evidence.schema_fingerprint != CARDS[evidence.model].fingerprint():
        raise VersionRefused(tag, "it was trained for another card; train it again")
    return evidence


def open_version(tag: str, runtime: Runtime = Runtime()) -> Served:
    """A version, checked, loaded, and proven on its golden rows."""
    evidence = check(tag)
    folder = _folder(tag)
    card = CARDS[evidence.model]
    try:
        golden = Golden.read((folder / GOLDEN).read_bytes(), card)
        model = MODELS[evidence.model].load(folder, runtime)
        outputs = model.predict(model.encode(golden.rows))
    except Exception as error:
        raise VersionRefused(tag, f"it does not load here: {type(error).__name__}: {error}") from error
    known = golden.expected(model.engine)
    if difference := what_differs(card, outputs, known):
        raise VersionRefused(tag, f"{difference}, computed by {model.engine}")
    return Served(model, tag, evidence, golden.rows, known)


def read_reference(tag: str) -> dict[str, Column]:
    """The monitored columns of held-out rows: what is normal for this version."""
    expected = read_evidence(tag).files.get(REFERENCE)
    content = (_folder(tag) / REFERENCE).read_bytes() if expected else b""
    if hashlib.sha256(content).hexdigest() != expected:
        raise VersionRefused(tag, f"{REFERENCE} was changed")
    return reference.read(content)


def _folder(tag: str) -> Path:
    name, _, version = tag.partition(":")
    folder = home.model_store() / name / version
    # A tag comes from commands and addresses: it may name a version, never another place on the disk.
    if not re.fullmatch(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?", version) or name not in CARDS or not folder.is_dir():
        raise VersionRefused(tag, "there is no such version in the store")
    return folder
