"""Reads an image, layer by layer, as its container engine saves it."""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Larger files are weights and libraries, and are not searched for secrets.
READ_BYTES = 2_000_000
#: How each engine writes an image to a file.
SAVES = {
    "docker": ("docker", "save", "--output", "{file}", "{image}"),
    "podman": ("podman", "save", "--format", "docker-archive", "--output", "{file}", "{image}"),
    "buildah": ("buildah", "push", "--quiet", "{image}", "docker-archive:{file}"),
}


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One file in one layer."""

    path: str
    size: int
    content: bytes | None
    """``None`` when it is large."""


@dataclass
class Layer:
    number: int
    files: list[LayerFile] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Image:
    config: dict[str, Any]
    """Environment, labels, user, history."""
    layers: list[Layer]

    @property
    def size(self) -> int:
        """Everything, unpacked, with what later layers hide."""
        return sum(layer.size for layer in self.layers)


def inspect(image: str, engine: str) -> Image:
    with _saved(image, engine) as archive:
        return read(archive)


@contextmanager
def _saved(image: str, engine: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = Path(folder, "image.tar")
        command = [word.format(file=file, image=image) for word in SAVES[engine]]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise SystemExit(f"{engine} does not give {image}: {done.stderr.strip() or done.stdout.strip()}")
        yield file


def read(archive: Path) -> Image:
    with tarfile.open(archive) as tar:
        (entry,) = json.load(_member(tar, "manifest.json"))
        config: dict[str, Any] = json.load(_member(tar, entry["Config"]))
        layers = [_layer(number, tar, name) for number, name in enumerate(entry["Layers"])]
    return Image(config, layers)


def _layer(number: int, archive: tarfile.TarFile, name: str) -> Layer:
    layer = Layer(number)
    with tarfile.open(fileobj=_member(archive, name)) as tar:
        for member in tar:
            if member.isfile():
                small = member.size <= READ_BYTES
                content = _member(tar, member).read() if small else None
                layer.files.append(LayerFile("/" + member.name.removeprefix("./").lstrip("/"), member.size, content))
    return layer


def _member(tar: tarfile.TarFile, name: str | tarfile.TarInfo) -> Any:
    found = tar.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is no file in this archive")
    return found
