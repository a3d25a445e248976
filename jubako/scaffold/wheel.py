"""The installed engine as a wheel, so that a new repository can be set up where no index has the engine."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

#: About this installation, not about the engine.
LOCAL = {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "top_level.txt", "uv_cache.json"}
WHEEL = "Wheel-Version: 1.0\nGenerator: jubako\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def name() -> str:
    return f"jubako-{distribution('jubako').version}-py3-none-any.whl"


def write(folder: Path) -> Path:
    """Pack the engine, also one that was installed in editable mode. Equal sources give equal bytes."""
    installed = distribution("jubako")
    about = f"jubako-{installed.version}.dist-info"
    contents = {f"{about}/WHEEL": WHEEL.encode()}
    for file in installed.files or ():
        inside = re.match(r"[^/]+\.dist-info/(.+)", file.as_posix())
        if inside and inside[1] not in LOCAL:
            contents[f"{about}/{inside[1]}"] = Path(str(file.locate())).read_bytes()
    package = Path(__file__).parents[1]
    for source in package.rglob("*"):
        if source.is_file() and "__pycache__" not in source.parts:
            contents[f"jubako/{source.relative_to(package).as_posix()}"] = source.read_bytes()
    record = [f"{path},{_hash(content)},{len(content)}" for path, content in sorted(contents.items())]
    contents[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,", ""]).encode()
    target = folder / name()
    with ZipFile(target, "w", ZIP_DEFLATED) as wheel:
        for path, content in sorted(contents.items(), key=lambda item: (about in item[0], item[0])):
            wheel.writestr(ZipInfo(path), content, ZIP_DEFLATED)
    return target


def _hash(content: bytes) -> str:
    """
    >>> _hash(b"")
    'sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
    """
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
