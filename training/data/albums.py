"""Real pictures: a folder of them by class, or a public set. The names of the classes are the card's colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bentos.image.card import COLOURS
from jubako.pictures import PictureRefused, encode_one
from jubako.training.recipe import DataRefused, Dataset
from training.data.pictures import dataset

HUB = "hf:"
MOST_BYTES = 2 * 1024**3
"""Pictures are held in memory."""
NAMED_LIKE_A_CLASS = ("label", "category", "class", "colour", "color")
_LEFT_BEHIND = frozenset({"Thumbs.db", "desktop.ini"})
_PLACES: dict[str, int] = {colour: place for place, colour in enumerate(COLOURS)} | {"gray": COLOURS.index("grey")}


class Album:
    """Pictures as they are found. What is wrong with them is collected, and said at the end."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._complaints: dict[str, tuple[int, str]] = {}
        self._files: list[bytes] = []
        self._truth: list[int] = []
        self._bytes = 0

    def complain(self, what: str, example: str) -> None:
        count, first = self._complaints.get(what, (0, example))
        self._complaints[what] = count + 1, first

    def place(self, name: str) -> int | None:
        """The place of a class in ``COLOURS``."""
        place = _PLACES.get(name.strip().lower())
        if place is None:
            self.complain(f"unknown class, known are {', '.join(COLOURS)}", name)
        return place

    def add(self, read: Callable[[], bytes], place: int, name: str) -> None:
        try:
            content = read()
            encode_one(content)
        except PictureRefused as refused:
            self.complain(str(refused), name)
        except OSError as error:
            self.complain(f"cannot be read: {error.strerror}", name)
        else:
            self._bytes += len(content)
            if self._bytes > MOST_BYTES:
                raise DataRefused(self._source, [f"more than {MOST_BYTES:,} bytes of pictures: make them smaller"])
            self._files.append(content)
            self._truth.append(place)

    def closed(self) -> Dataset:
        lines = [f"{what} ({count}, for example {example})" for what, (count, example) in self._complaints.items()]
        if len(set(self._truth)) < 2:
            lines.append("pictures of at least two classes are needed")
        if lines:
            raise DataRefused(self._source, lines)
        return dataset(self._files, np.array(self._truth, dtype=np.int64), self._source)


def read(path: Path) -> Dataset:
    """``PATH/red/any name.jpg``: the folder's name is the truth; folders within it are looked through."""
    if not path.is_dir():
        raise DataRefused(str(path), ["expected is a folder that holds a folder of pictures for each colour"])
    album = Album(str(path))
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        place = album.place(folder.name)
        files = list(_files(folder))
        if not files:
            album.complain("a class folder without files", folder.name)
        if place is not None:
            for file in files:
                album.add(file.read_bytes, place, str(file.relative_to(path)))
    return album.closed()


def _files(folder: Path) -> Iterator[Path]:
    """Not what file browsers leave behind."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.startswith(".") and file.name not in _LEFT_BEHIND:
            yield file


def fetch(source: str) -> Dataset:
    """``hf:NAME``: the ``train`` split of a Hugging Face data set, or of a local folder in one of its forms."""
    import datasets

    if not source.startswith(HUB):
        raise DataRefused(source, [f"unknown source: give a folder, or {HUB}NAME"])
    try:
        found = datasets.load_dataset(source.removeprefix(HUB), split="train")
    except (OSError, ValueError) as error:  # not found, not reachable, not a data set: all of these
        raise DataRefused(source, [f"cannot be fetched: {error}"]) from error
    picture = next((name for name, kind in found.features.items() if isinstance(kind, datasets.Image)), None)
    truth = next((name for name, kind in found.features.items() if isinstance(kind, datasets.ClassLabel)), None)
    truth = truth or next((name for name in NAMED_LIKE_A_CLASS if name in found.features), None)
    if picture is None or truth is None:
        columns = ", ".join(found.features)
        raise DataRefused(source, [f"it needs a column of pictures and one of classes; its columns are {columns}"])
    album = Album(source)
    # As files: what is not readable must be said, not raised; and the model is trained on what it will be sent.
    for place, line in enumerate(found.cast_column(picture, datasets.Image(decode=False))):
        name = _class_name(found.features[truth], line[truth])
        colour = album.place(name)
        if colour is not None:
            album.add(partial(_content, line[picture]), colour, f"row {place + 1}")
    return album.closed()


def _class_name(kind: Any, value: Any) -> str:
    """Classes come as numbers with names elsewhere, or as names."""
    return str(kind.names[value]) if hasattr(kind, "names") and isinstance(value, int) and value >= 0 else str(value)


def _content(file: dict[str, Any] | None) -> bytes:
    if file is None:
        return b""
    content: bytes = file["bytes"] if file["bytes"] is not None else Path(file["path"]).read_bytes()
    return content
