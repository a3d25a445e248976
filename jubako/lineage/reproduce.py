"""Trains a version again from its manifest, in a clean checkout of its commit, and says what differs.

The training runs in a process of its own with the code of that commit; versions, stages and MLflow's runs of it go to
a temporary folder, so nothing that serves can change.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jubako import home
from jubako.lineage.checkout import CheckoutFailed, checkout
from jubako.lineage.compared import Difference, compare
from jubako.versions.manifest import DataFacts, Manifest

MADE = re.compile(r"made \(.*\)")
PUBLIC = re.compile(r"sklearn|hf:.+")


class ReproductionRefused(ValueError):
    """It cannot be trained again; the message says why."""


@dataclass(frozen=True)
class Reproduction:
    manifest: Manifest
    again: Manifest
    differences: tuple[Difference, ...]

    @property
    def answers_alike(self) -> bool:
        """To the bit, from the same data. A framework's own file may still differ: it may hold times and addresses."""
        return not any(one.what in ("golden rows", "data") for one in self.differences)


def reproduce(manifest: Manifest, say: Callable[[str], None] = lambda _: None) -> Reproduction:
    commit = _commit(manifest)
    data = _data(manifest.data)
    with tempfile.TemporaryDirectory(prefix="jubako-reproduce-") as place:
        try:
            with checkout(commit) as tree:
                say(f"training {manifest.model} with the code of {commit[:12]}")
                _train(manifest, data, tree, Path(place))
        except CheckoutFailed as error:
            raise ReproductionRefused(str(error)) from error
        folder = Path(place) / "bentoml" / "models" / manifest.model
        made = sorted(folder.iterdir()) if folder.is_dir() else []
        versions = [one for one in made if one.is_dir()]
        again = Manifest.model_validate_json((versions[0] / "manifest.json").read_bytes())
        kept = home.model_store() / manifest.model / manifest.version
        return Reproduction(manifest, again, tuple(compare((manifest, kept), (again, versions[0]))))


def _commit(manifest: Manifest) -> str:
    if manifest.git_commit is None:
        raise ReproductionRefused(f"{manifest.tag} was trained outside of a git checkout: its code is unknown")
    if manifest.git_dirty is not False:
        raise ReproductionRefused(
            f"{manifest.tag} was trained with changes that were not committed on top of {manifest.git_commit[:12]}: "
            "its code is unknown"
        )
    return manifest.git_commit


def _data(data: DataFacts) -> str | None:
    """What ``jubako train --data`` is given: nothing for the project's own data."""
    if MADE.fullmatch(data.source):
        return None
    if PUBLIC.fullmatch(data.source):
        return data.source
    path = home.repository() / Path(data.source).expanduser()
    if not path.exists():
        raise ReproductionRefused(f"its data, {data.source}, is not there any more (sha256 {data.sha256})")
    return str(path)


def _train(manifest: Manifest, data: str | None, tree: Path, place: Path) -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter, and values of a checked manifest
        [sys.executable, "-m", "jubako", "train", manifest.model, *_options(manifest, data)],
        cwd=tree,
        env=_environment(tree, place),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-600:]
        raise ReproductionRefused(f"{manifest.tag} did not become a version again: {said}")


def _options(manifest: Manifest, data: str | None) -> Iterator[str]:
    yield from ("--seed", str(manifest.seed))
    if data is not None:
        yield from ("--data", data)
    for name, value in manifest.params.items():
        yield from ("--set", f"{name}={value}")


def _environment(tree: Path, place: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "JUBAKO_"))}
    return {
        **kept,
        "BENTOML_HOME": str(place / "bentoml"),
        "JUBAKO_HOME": str(place / "jubako"),
        "PYTHONPATH": os.pathsep.join([str(tree), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
