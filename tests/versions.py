"""More versions of a model that was trained once, without training again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from jubako import home
from jubako.versions import reference, store, writing
from jubako.versions.golden import Golden
from jubako.versions.manifest import TrainingFacts
from tests.five import CARDS, MODELS


def write_again(version: str, model: str = "iris") -> str:
    """The oldest version of the model once more, under another name."""
    (first, *_) = store.versions(model)
    source = home.model_store() / model / first
    manifest = store.read_manifest(f"{model}:{first}")
    facts = TrainingFacts(**{key: getattr(manifest, key) for key in TrainingFacts.model_fields})
    golden = Golden.read((source / "golden.json").read_bytes(), CARDS[model])
    columns = reference.read((source / "reference.npz").read_bytes())
    with tempfile.TemporaryDirectory() as place:
        for file in manifest.files.keys() - {"golden.json", "reference.npz"}:
            (Path(place) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, Path(place) / file)
        writing.write(facts, version, Path(place), golden, columns, model=MODELS[model])
    return version
