"""Templates as files: ``{{name}}`` is replaced, ``dot.`` begins the name of a hidden file, ``.tmpl`` goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".tmpl"


def render(text: str, values: Mapping[str, str]) -> str:
    """
    >>> render("from bentos.{{name}}.card import CARD, Species, {{Class}}Row\\n", {"name": "a", "Class": "A"})
    'from bentos.a.card import CARD, ARow, Species\\n'
    """
    filled = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text)
    return re.sub(r"^(from \S+ import )(.+)$", lambda found: found[1] + _sorted(found[2]), filled, flags=re.MULTILINE)


def _sorted(names: str) -> str:
    """As ruff sorts them: constants, classes, functions."""
    plain, comment, rest = names.partition("  #")
    return ", ".join(sorted(plain.split(", "), key=_kind)) + comment + rest


def _kind(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def files(folder: str, values: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where each file of a folder of templates goes, and its content."""
    place = TEMPLATES / folder
    for file in sorted(place.rglob(f"*{SUFFIX}")):
        parts = [re.sub(r"^dot\.", ".", part) for part in file.relative_to(place).parts]
        yield Path(*parts).with_suffix(""), render(file.read_text(encoding="utf-8"), values)
