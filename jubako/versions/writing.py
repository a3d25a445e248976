"""Writes a version into the BentoML store atomically."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jubako import durable, home
from jubako.compat import bentoml
from jubako.models import AnyModel, Column
from jubako.versions import reference
from jubako.versions.golden import Golden
from jubako.versions.manifest import Manifest, TrainingFacts

MANIFEST, GOLDEN, REFERENCE, MODEL_YAML = "manifest.json", "golden.json", "reference.npz", "model.yaml"
UNKNOWN = "0" * 64
"""Replaces the manifest's hash in ``model.yaml`` while the hash of ``model.yaml`` is computed for the manifest."""


def manifest_reference(manifest_sha256: str) -> str:
    """How ``model.yaml`` refers to its manifest. The prefix keeps YAML from quoting a hash that looks like a number."""
    return f"sha256:{manifest_sha256}"


def new_version(run_id: str) -> str:
    """A version name from time and run; names sort by age.

    >>> new_version("3fa9c1d0").endswith("-3fa9c1")
    True
    """
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{run_id[:6].lower()}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(
    facts: TrainingFacts,
    version: str,
    folder: Path,
    golden: Golden,
    columns: Mapping[str, Column],
    *,
    model: type[AnyModel],
) -> str:
    """Write a version with the files of ``folder``. Returns its tag."""
    # BentoML sends usage data about each saved model; the user must opt in.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    with warnings.catch_warnings():
        # BentoML imports a deprecated name of pathspec.
        warnings.filterwarnings("ignore", message="GitWildMatchPattern", category=DeprecationWarning)
        import bentoml.models

    create: Any = bentoml.models.create(
        f"{facts.model}:{version}",
        module=model.__module__,
        labels=_labels(facts, model.card.framework),
        metadata={"manifest": manifest_reference(UNKNOWN)},
        _model_store=_whole_versions_store(),
    )
    with create as draft:
        root = Path(draft.path)
        shutil.copytree(folder, root, dirs_exist_ok=True)
        (root / GOLDEN).write_bytes(golden.dump())
        (root / REFERENCE).write_bytes(reference.dump(columns))
        files = {str(path.relative_to(root)): sha256(path) for path in sorted(root.rglob("*")) if path.is_file()}
        manifest = Manifest(
            **facts.model_dump(),
            version=version,
            schema_fingerprint=model.card.fingerprint(),
            model_yaml=hashlib.sha256(draft.info.dump().encode()).hexdigest(),
            files=files,
        )
        content = manifest.model_dump_json(indent=2).encode()
        (root / MANIFEST).write_bytes(content)
        draft.info.metadata["manifest"] = manifest_reference(hashlib.sha256(content).hexdigest())
    return manifest.tag


def _labels(facts: TrainingFacts, framework: str) -> dict[str, str]:
    """Labels for ``bentoml models get`` and other tools that do not read the manifest."""
    return {
        "framework": framework,
        "engine": facts.engine,
        facts.gate.metric: "not measured" if facts.gate.value is None else f"{facts.gate.value:.4g}",
        "run_id": facts.run_id,
        "git_commit": (facts.git_commit or "unknown") + ("-dirty" if facts.git_dirty else ""),
        "data_sha256": facts.data.sha256,
    }


def _whole_versions_store() -> Any:
    @contextmanager
    def draft_of(target: Path) -> Iterator[Path]:
        with _incoming(target.name) as draft:
            yield draft
            durable.sync_tree(draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.rename(target)
            durable.sync(target.parent)

    store = home.model_store()
    store.mkdir(parents=True, exist_ok=True)
    return bentoml.whole_version_store(store, draft_of, lambda file, name: durable.write_whole(file, name.encode()))


@contextmanager
def _incoming(name: str) -> Iterator[Path]:
    """A folder on the store's file system, locked by its writer. Unlocked ones, of dead writers, are removed."""
    parent = home.beside_the_store() / "incoming"
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        with _try_lock(folder) as is_abandoned:
            if is_abandoned:
                shutil.rmtree(folder, ignore_errors=True)
    draft = parent / f"{name}.{secrets.token_hex(4)}"
    draft.mkdir()
    with _try_lock(draft):
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
