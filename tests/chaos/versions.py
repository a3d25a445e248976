"""Behaviour 11: a version that is not what it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from jubako.versions import stages
from tests.chaos.behaviour import Outcome, Place, behaviour
from tests.five import CARDS
from tests.serving import examples


def flip_a_byte(version: Path) -> None:
    file = version / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def change_the_schema(version: Path) -> None:
    _rewrite(version, lambda manifest: manifest.update(schema_fingerprint="0" * 64))


def change_golden_rows(version: Path) -> None:
    file = version / "golden.json"
    golden = json.loads(file.read_bytes())
    for engine in golden["engines"].values():
        engine["outputs"][0] = engine["outputs"][0][::-1]
    file.write_text(json.dumps(golden))
    _rewrite(version, lambda manifest: manifest["files"].update({"golden.json": _hash(file)}))


def _hash(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def _rewrite(version: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    """Change the manifest and the hash that vouches for it, as an expert would."""
    import re

    file, yaml = version / "manifest.json", version / "model.yaml"
    manifest = json.loads(file.read_bytes())
    change(manifest)
    file.write_text(json.dumps(manifest))
    yaml.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{_hash(file)}", yaml.read_text(), count=1))


HARMS = {"flipped byte": flip_a_byte, "other schema": change_the_schema, "other golden rows": change_golden_rows}


@behaviour(11, "a version with a flipped byte, another schema, other golden rows",
           "that runner is not ready and says which and why; the others serve")  # fmt: skip
async def bad_versions(place: Place) -> Outcome:
    told: list[str] = []
    held = True
    store, whole = place.folder / "store", place.folder / "whole"
    shutil.copytree(place.store, store)
    with Place(store, place.folder).serving() as service:
        tag = stages.production("iris")
        assert tag is not None
        version = store / "models" / tag.replace(":", "/")
        shutil.copytree(version, whole)
        for harm, do in HARMS.items():
            do(version)
            service.kill("iris")  # what is loaded stays good; a new process looks at the files again
            why = service.wait(503).json()["models"]["iris"]["why"]
            # The reason appears once the restarted runner has looked at its version.
            while "is being restarted" in why or "did not answer" in why:
                why = service.wait(503).json()["models"]["iris"]["why"]
            refused = service.predict("iris", examples("iris"))
            others = {
                service.predict(name, examples(name)).status_code
                for name in CARDS
                if name != "iris" and CARDS[name].media == "json"
            }
            held &= tag in why and refused.status_code == 503 and others == {200}
            told.append(f"{harm}: {why.replace(tag, '…')}")
            shutil.rmtree(version)
            shutil.copytree(whole, version)
            service.kill("iris")
            service.wait(200)
    return Outcome(held, "; ".join(told))
