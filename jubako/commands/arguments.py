"""Argument types of the commands. Model names are looked up when a command runs, not at import."""

from __future__ import annotations

from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from jubako.collection import here


class ModelName(click.ParamType):  # type: ignore[type-arg]
    """A model of the collection, or one of ``extra`` words such as ``all``."""

    name = "model"

    def __init__(self, *extra: str) -> None:
        self._extra = extra

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        known = (*here(), *self._extra)
        if value not in known:
            self._refuse(known, value, param, ctx)
        return value

    def _refuse(
        self, known: tuple[str, ...], value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        if not tuple(here()):
            self.fail("there is no bentos/NAME/card.py here: run this in the repository of a service", param, ctx)
        self.fail(f"{value!r} is not one of {', '.join(known)}.", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        return [CompletionItem(name) for name in (*here(), *self._extra) if name.startswith(incomplete)]


MODEL = ModelName()
