"""What a Bento is made of when it is built: the versions in production then, their lineage, and the image around it.

Everything here is looked up when somebody builds, not in each process that imports the service: ``bentoml serve`` in a
repository without any version must start and say what is missing.
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
#: BentoML installs a compiler and git for the distributions that it knows by name. Every locked package has a wheel.
AS_IT_IS = "plain"
#: A read-only root needs the folders that BentoML would otherwise make when it starts, and the place of a mount.
FOLDERS = "cd /home/bentoml && mkdir -p bentos models envs tmp /var/lib/jubako && chown 1034:1034 /var/lib/jubako"
#: ``docker exec NAME jubako check``. A container's versions are beside its code, not in BentoML's own store.
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
        """Called before serving, when BentoML would fetch what is missing. ``/readyz`` says what is missing instead."""
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
    """The Bento's labels: the commit of the code and the version of each model. Asking git at each start would cost."""

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
    """Around the Bento: Python as it comes, and nothing that could compile.

    BentoML has no word for a health check. It writes ``RUN`` and a command into its Dockerfile as they are, so a second
    line is an instruction of its own.
    """
    commands = [_write_program("/usr/local/bin/jubako", CONSOLE), f"{FOLDERS}\n{HEALTHCHECK}"]
    made = Image(base_image=BASE_IMAGE, distro=AS_IT_IS, python_version="3.11", commands=commands)
    if (home.repository() / WHEELS).is_dir():
        made.build_include(WHEELS)  # else it would be copied only after the packages are installed
    return made


def _write_program(path: str, text: str) -> str:
    """A command that writes a program into the image; a file of the Bento would come after the commands."""
    return f"printf '%s\\n' {shlex.join(text.splitlines())} > {path} && chmod 755 {path}"
