"""What a Bento contains: the versions in production, labels with their lineage, and the image around it.

All of it is looked up when a Bento is built, not when the service is imported: ``bentoml serve`` in a repository
without any version must start and report what is missing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bentoml.exceptions import BentoMLException
from bentoml.images import Image

from jubako import commit, home
from jubako.card import AnyCard
from jubako.collection import Collection
from jubako.compat.bentoml_classes import BentoModel, PinnedModel
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

#: Where a repository keeps the wheel of the engine that its requirements name.
WHEELS = "wheels"
BASE_IMAGE = "python:3.11-slim"
#: BentoML installs a compiler and git on the distributions that it knows; wheels need neither, so name an unknown one.
PLAIN_DISTRO = "plain"
#: On a read-only root BentoML cannot make its folders at start, so the image has them and the mount point.
FOLDERS = "cd /home/bentoml && mkdir -p bentos models envs tmp /var/lib/jubako && chown 1034:1034 /var/lib/jubako"
#: The command in ``docker exec NAME jubako check``. A container's versions are in its Bento, not in BentoML's store.
CONSOLE = """\
#!/bin/sh
export BENTOML_HOME=/home/bentoml/bento
cd /home/bentoml/bento/src
exec python -m jubako "$@"
"""
HEALTHCHECK = """\
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD python -c \\
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:${PORT:-${BENTOML_PORT:-3000}}/readyz', timeout=4)"
"""


@dataclass(frozen=True, eq=False)
class VersionInProduction(PinnedModel):
    """The version of a model that is in production when a Bento is built: checked, pinned by its full tag, packed."""

    card: AnyCard

    def to_info(self, alias: str | None = None) -> Any:
        return BentoModel(self._checked()).to_info(alias)

    def to_create_schema(self) -> Any:
        return BentoModel(self._checked()).to_create_schema()

    @classmethod
    def from_info(cls, info: Any) -> Any:
        return BentoModel.from_info(info)

    def resolve(self, base_path: Any = None) -> str:  # noqa: ARG002 - BentoML's signature
        """Called before serving, when BentoML would fetch missing models. ``/readyz`` reports them instead."""
        return self.card.name

    def _checked(self) -> str:
        tag = stages.production(self.card.name)
        if tag is None:
            raise BentoMLException(
                f"no version of {self.card.name} is in production: run `jubako train {self.card.name}`"
            )
        try:
            store.check(tag, self.card)
        except VersionRefused as refused:
            raise BentoMLException(str(refused)) from refused
        return tag


class Labels(Mapping[str, str]):
    """The Bento's labels: the commit of the code and the version of each model. Read lazily: git is slow."""

    def __init__(self, collection: Collection) -> None:
        self._names = ("git_commit", *collection)

    def __getitem__(self, name: str) -> str:
        if name == "git_commit":
            return str(commit.git())
        tag = stages.production(name) or "none"
        return tag.partition(":")[2] or tag

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def image() -> Image:
    """The container image: plain Python without a compiler.

    BentoML has no option for a health check. It writes ``RUN`` and the command into its Dockerfile unchanged, so a
    second line is an instruction of its own.
    """
    commands = [_write_program("/usr/local/bin/jubako", CONSOLE), f"{FOLDERS}\n{HEALTHCHECK}"]
    made = Image(base_image=BASE_IMAGE, distro=PLAIN_DISTRO, python_version="3.11", commands=commands)
    if (home.repository() / WHEELS).is_dir():
        made.build_include(WHEELS)  # else it would be copied only after the packages are installed
    return made


def _write_program(path: str, text: str) -> str:
    """A command that writes a program into the image: a Bento's files are copied only after the commands."""
    return f"printf '%s\\n' {shlex.join(text.splitlines())} > {path} && chmod 755 {path}"
