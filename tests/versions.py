"""More versions of a model that was trained once, without training again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bentos.cards import CARDS
from jubako import home
from jubako.versions import reference, store
from jubako.versions.store import Facts, Golden


def write_again(version: str, model: str = "iris") -> str:
    """The oldest version of the model once more, under another name."""
    (first, *_) = store.versions(model)
    source = home.model_store() / model / first
    evidence = store.read_evidence(f"{model}:{first}")
    facts = Facts(**{key: getattr(evidence, key) for key in Facts.model_fields})
    golden = Golden.read((source / "golden.json").read_bytes(), CARDS[model])
    columns = reference.read((source / "reference.npz").read_bytes())
    with tempfile.TemporaryDirectory() as place:
        for file in evidence.files.keys() - {"golden.json", "reference.npz"}:
            (Path(place) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, Path(place) / file)
        store.write(facts, version, Path(place), golden, columns)
    return version
