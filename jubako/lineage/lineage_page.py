"""A lineage as one HTML page that needs nothing else: no network, no script. Jinja escapes every text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jubako.lineage.steps import Step

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent / "page"


def lineage_page(step: Step) -> str:
    return _template().render(step=step)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader

    jinja = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.globals.update(css=(FOLDER / "lineage.css").read_text())
    return jinja.get_template("lineage.html")
