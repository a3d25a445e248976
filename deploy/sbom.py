"""``make sbom``: what a Bento is made of, as CycloneDX: its locked packages, and its models with their lineage."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from deploy.image.findings import pins
from jubako import home
from jubako.versions import store
from jubako.versions.manifest import Manifest

VERSION = SchemaVersion.V1_6


def bill(bento: Path) -> str:
    """The bill of a Bento is always the same: serial number and date are the Bento's."""
    about: dict[str, Any] = yaml.safe_load((bento / "bento.yaml").read_bytes())
    tag = f"{about['name']}:{about['version']}"
    lock = (bento / "env" / "python" / "requirements.txt").read_text()
    whole = Component(
        name=about["name"],
        version=about["version"],
        type=ComponentType.APPLICATION,
        bom_ref=tag,
        properties=[Property(name=f"jubako:{name}", value=str(value)) for name, value in about["labels"].items()],
    )
    bom = Bom(
        components=[*_packages(lock), *_models(about)],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, tag),
        metadata=BomMetaData(component=whole, timestamp=datetime.fromisoformat(about["creation_time"]).astimezone(UTC)),
    )
    bom.register_dependency(whole, bom.components)
    return str(make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=2))


def _packages(lock: str) -> Iterator[Component]:
    for name, version in pins(lock).items():
        purl = PackageURL("pypi", name=name, version=version)
        yield Component(name=name, version=version, purl=purl, bom_ref=str(purl))


def _models(about: dict[str, Any]) -> Iterator[Component]:
    """The versions in production, and the candidates beside them."""
    for holder in (*about["services"], about):
        for model in holder.get("models") or ():
            yield _model(store.read_manifest(model["tag"]))


def _model(manifest: Manifest) -> Component:
    facts = {
        "run_id": manifest.run_id,
        "git_commit": manifest.git_commit,
        "data": manifest.data.source,
        "data_sha256": manifest.data.sha256,
        "trained_at": manifest.trained_at,
        manifest.gate.metric: "not measured" if manifest.gate.value is None else f"{manifest.gate.value:.4g}",
    }
    return Component(
        name=manifest.model,
        version=manifest.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=manifest.tag,
        properties=[Property(name=f"jubako:{name}", value=str(value)) for name, value in facts.items()],
        components=[
            Component(
                name=file,
                type=ComponentType.FILE,
                bom_ref=f"{manifest.tag}/{file}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
            )
            for file, sha256 in manifest.files.items()
        ],
    )


def newest(name: str) -> Path:
    """The newest Bento of this name in BentoML's store."""
    folder = home.bentoml_home() / "bentos" / name
    try:
        return folder / (folder / "latest").read_text().strip()
    except OSError as error:
        raise SystemExit(f"there is no Bento {name}: `make build` makes one") from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="jubako")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    content = bill(newest(given.name))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(content)
    sys.stdout.write(f"{given.output}: {content.count(chr(10))} lines\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
