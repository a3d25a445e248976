"""A scan finds what must not be in an image, also where a later layer hid it, and nothing that everybody may see."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.image import findings, layers

PACKAGES = "app/.venv/lib/python3.11/site-packages"
#: Put together here, so that this file is no finding itself.
PRIVATE_KEY = ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq0\n").encode()
TOKEN = ("jbk_" + "A" * 43).encode()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image(folder: Path, *contents: Mapping[str, bytes], env: tuple[str, ...] = ()) -> layers.Image:
    """An image with these layers, as an engine would save it."""
    names = [f"{number}/layer.tar" for number in range(len(contents))]
    manifest = [{"Config": "config.json", "Layers": names}]
    config = {"config": {"Env": list(env)}, "history": []}
    members = {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(config).encode()}
    members |= {name: tar_of(content) for name, content in zip(names, contents, strict=True)}
    archive = folder / "image.tar"
    archive.write_bytes(tar_of(members))
    return layers.read(archive)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("home/bentoml/bento/src/keys.txt", TOKEN),
        ("root/key.pem", PRIVATE_KEY),
        ("home/bentoml/bento/src/.env", b"COLOUR=red\n"),
        ("root/.ssh/config", b"Host *\n"),
        ("etc/pip.conf", b"[global]\nindex-url = https://somebody:secret@example.com/simple\n"),
    ],
)
def test_a_secret_is_found_by_its_place_or_its_look(path: str, content: bytes, tmp_path: Path) -> None:
    (leak,) = findings.leaks(image(tmp_path, {path: content}))
    assert leak.path == f"/{path}"


def test_a_secret_that_a_later_layer_deleted_is_still_in_the_image(tmp_path: Path) -> None:
    found = findings.leaks(image(tmp_path, {"opt/key": PRIVATE_KEY}, {"opt/.wh.key": b""}))
    assert [(leak.path, leak.layer) for leak in found] == [("/opt/key", 0)]


def test_a_secret_in_the_environment_is_found(tmp_path: Path) -> None:
    (leak,) = findings.leaks(image(tmp_path, {}, env=("PATH=/bin", "DATABASE_PASSWORD=hunter2")))
    assert "DATABASE_PASSWORD" in leak.what


def test_what_a_package_published_is_no_secret(tmp_path: Path) -> None:
    """Some packages ship a key for their tests; with another content it would be somebody's own."""
    record = f"server/test.key,{findings._hash(PRIVATE_KEY)},{len(PRIVATE_KEY)}\n".encode()
    published = {f"{PACKAGES}/server-1.0.dist-info/RECORD": record, f"{PACKAGES}/server/test.key": PRIVATE_KEY}
    assert not findings.leaks(image(tmp_path, published))
    changed = {**published, f"{PACKAGES}/server/test.key": PRIVATE_KEY + b"AAAA\n"}
    assert findings.leaks(image(tmp_path, changed))


def test_a_service_like_ours_has_nothing_to_hide(tmp_path: Path) -> None:
    files = {"home/bentoml/bento/src/jubako/gateway/keys.py": b'return f"jbk_{secrets.token_urlsafe(32)}"\n'}
    assert not findings.leaks(image(tmp_path, files, env=("BENTOML_HOME=/home/bentoml/",)))


def test_the_packages_must_be_exactly_the_locked_ones(tmp_path: Path) -> None:
    there = [("numpy", "2.4.6"), ("pyyaml", "6.0.2"), ("torch", "2.13.0")]
    files = {f"{PACKAGES}/{name}-{version}.dist-info/METADATA": b"" for name, version in there}
    lock = "numpy==2.4.6\npyyaml==6.0.3\nrich==15.0.0\n"
    assert findings.differences(image(tmp_path, files), lock) == [
        "pyyaml 6.0.3 is locked, 6.0.2 is there",
        "rich 15.0.0 is locked, nothing is there",
        "torch 2.13.0 is not in the lock",
    ]


def test_cuda_may_be_there_only_with_a_torch_that_is_locked(tmp_path: Path) -> None:
    there = {f"{PACKAGES}/{name}-1.0.dist-info/METADATA": b"" for name in ("torch", "nvidia_cublas", "triton")}
    with_cuda = image(tmp_path, there)
    assert findings.differences(with_cuda, "torch==1.0\n") == []
    assert len(findings.differences(with_cuda, "")) == 3


def test_the_size_counts_what_later_layers_hide(tmp_path: Path) -> None:
    assert image(tmp_path, {"a": b"x" * 1000}, {"a": b"y"}).size == 1001
