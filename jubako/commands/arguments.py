"""Arguments that several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jubako import collection

if TYPE_CHECKING:
    _Type = click.ParamType[str]
else:
    _Type = click.ParamType  # not generic before click 8.4


class ModelName(_Type):
    """The name of a model of this repository; the names are looked up when the command runs, not at import."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._choice().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        return self._choice().shell_complete(ctx, param, incomplete)

    def _choice(self) -> click.Choice[str]:
        return click.Choice(list(collection.here()))


MODEL = ModelName()
