"""A new repository, and a new model in a repository: ``jubako init`` and ``jubako new``."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from jubako.importing.wiring import with_model
from jubako.scaffold import rendering, wheel
from jubako.scaffold.kinds import KINDS, Kind

#: Template of a model -> where it goes.
FILES = {
    "card.py": "bentos/{name}/card.py",
    "model.py": "bentos/{name}/model.py",
    "recipe.py": "training/{name}.py",
    "test.py": "tests/test_{name}.py",
}
SERVICE = Path("bentos", "service.py")
EXTRAS = re.compile(r"^(\S*jubako\S*\[)([\w,-]+)(\])", re.MULTILINE)


class ScaffoldRefused(ValueError):
    """Nothing was written; the text says why."""


def class_name(name: str) -> str:
    """
    >>> class_name("late_payers")
    'LatePayers'
    """
    return "".join(part.capitalize() for part in re.split(r"[_\W]+", name))


def check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,23}", name) or keyword.iskeyword(name) or name in ("jubako", "service"):
        raise ScaffoldRefused(f"{name!r} cannot be a model: up to 24 small letters, digits and _, a letter first")


def init(folder: Path, kind: str, name: str) -> list[Path]:
    """Write a repository with one model into a folder that is new or empty."""
    check_name(name)
    shop = folder.resolve().name
    service = class_name(shop)
    if not service.isidentifier() or service.lower() == name:
        raise ScaffoldRefused(
            f"the folder's name {shop!r} becomes the service's: letters first, and not the model's name"
        )
    if folder.exists() and any(folder.iterdir()):
        raise ScaffoldRefused(f"{folder} is not empty")
    values = {
        "shop": shop,
        "Service": service,
        "service": service.lower(),
        "name": name,
        "Class": class_name(name),
        "wheel": wheel.name(),
        "extras": ",".join(("train", *KINDS[kind].trains_with)),
        "serving": ",".join(("serve", *KINDS[kind].serves_with)),
    }
    written = list(_write(folder, [*rendering.files("shop", values), *_model(kind, name)]))
    (folder / "wheels").mkdir()
    return [*written, wheel.write(folder / "wheels")]


def new(root: Path, kind: str, name: str) -> list[Path]:
    """Write the files of a model into a repository, and add its line to the service."""
    check_name(name)
    service = root / SERVICE
    if not service.is_file():
        raise ScaffoldRefused(f"{SERVICE} is not here: run `jubako new` in a repository that `jubako init` made")
    composed = with_model(service.read_text(encoding="utf-8"), name, f"{class_name(name)}Model")
    written = list(_write(root, _model(kind, name)))
    service.write_text(composed, encoding="utf-8")
    return [*written, service, *_require(root, KINDS[kind])]


def _model(kind: str, name: str) -> Iterator[tuple[Path, str]]:
    values = {"name": name, "Class": class_name(name)}
    for template, text in rendering.files(f"models/{kind}", values):
        yield Path(FILES[template.name].format(name=name)), text
    yield Path("bentos", name, "__init__.py"), ""


def _write(root: Path, files: Iterable[tuple[Path, str]]) -> Iterator[Path]:
    contents: Mapping[Path, str] = {root / file: text for file, text in files}
    if taken := [file for file in contents if file.exists()]:
        raise ScaffoldRefused(f"{', '.join(map(str, taken))} exists; nothing was written")
    for file, text in contents.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        yield file


def _require(root: Path, kind: Kind) -> Iterator[Path]:
    """Add the extras that the model needs to the requirements."""
    for file, extras in (("requirements.txt", kind.trains_with), ("requirements-serve.txt", kind.serves_with)):
        place = root / file
        before = place.read_text(encoding="utf-8") if place.is_file() else ""
        if (after := _with_extras(before, extras)) != before:
            place.write_text(after, encoding="utf-8")
            yield place


def _with_extras(text: str, extras: Iterable[str]) -> str:
    return EXTRAS.sub(lambda found: found[1] + _joined(found[2], extras) + found[3], text)


def _joined(present: str, more: Iterable[str]) -> str:
    """
    >>> _joined("train,sklearn,load", ("sklearn", "pictures"))
    'train,sklearn,load,pictures'
    """
    return ",".join(dict.fromkeys([*present.split(","), *more]))
