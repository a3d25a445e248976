"""``jubako init`` and ``jubako new``: a repository that works, and one more model in it."""

from __future__ import annotations

from pathlib import Path

import click

from jubako import home
from jubako.scaffold.kinds import KINDS, SHOPS
from jubako.scaffold.repository import init as write_repository
from jubako.scaffold.repository import new as write_model


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--like", type=click.Choice(list(SHOPS)), default="tables", show_default=True, help="Its first model.")
@click.option("--model", "name", help="The name of its first model.")
def init(folder: Path, like: str, name: str | None) -> None:
    """Write a new repository with one model into FOLDER."""
    kind, usual = SHOPS[like]
    try:
        written = write_repository(folder, kind, name or usual)
    except ValueError as refused:
        raise click.ClickException(str(refused)) from refused
    _show(written, folder)
    click.echo(f"\nNext: cd {folder} && make serve")


@click.command()
@click.argument("name")
@click.option("--like", type=click.Choice(list(KINDS)), required=True, help="The model to begin with.")
def new(name: str, like: str) -> None:
    """Add the model NAME to the repository in the working folder."""
    root = home.repository()
    try:
        written = write_model(root, like, name)
    except ValueError as refused:
        raise click.ClickException(str(refused)) from refused
    _show(written, root)
    click.echo("\nNext: make train serve")


def _show(written: list[Path], root: Path) -> None:
    for file in written:
        click.echo(f"  {file.relative_to(root)}")
