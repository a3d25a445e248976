"""The fenced blocks and the links of the project's documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.reading import ROOT

#: Where the documents say that the service is.
DOCUMENTED_URL = "http://127.0.0.1:3000"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@dataclass(frozen=True)
class Block:
    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def kind(self) -> str:
        """How it is checked: python and curl are run, commands must exist, json is the shape of an answer.

        ``python bentoml`` is run against the real service only.
        """
        if self.language in ("bash", "console"):
            return "curl" if self.text.startswith("curl") else "commands"
        return self.language

    def at(self, url: str) -> str:
        """Its text, for a service at another address."""
        return self.text.replace(DOCUMENTED_URL, url)

    def commands(self) -> list[str]:
        """The last program of each line, with its arguments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.rpartition("| ")[2] for line in lines if line and not line.startswith("#")]


def blocks(file: Path) -> list[Block]:
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    body: list[str] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("```"):
            body.append(line)
        elif opened is None:
            opened, body = (number, line.removeprefix("```").strip()), []
        else:
            found.append(Block(file, *opened, "\n".join(body)))
            opened = None
    return found


def every_block(*kinds: str) -> list[Block]:
    return [block for file in DOCUMENTS for block in blocks(file) if not kinds or block.kind in kinds]


def after(block: Block) -> Block | None:
    """The block that follows in the same file."""
    later = [other for other in blocks(block.file) if other.line > block.line]
    return later[0] if later else None


def links(file: Path) -> list[str]:
    """What a document points to inside the repository, as ``path#anchor``."""
    outside_blocks = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", outside_blocks)
    return [target for target in found if "://" not in target]


def anchors(file: Path) -> set[str]:
    """The anchors that a forge makes of headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
