"""``jubako keys``: makes API keys."""

from __future__ import annotations

from pathlib import Path

import click

from jubako.gateway.keys import KeyLine, key_hash, new_key, parse_keys
from jubako.settings import ConfigurationRefused, KeyLimits


@click.group()
def keys() -> None:
    """Make API keys. The file holds only hashes: a key is shown once."""


@keys.command()
@click.argument("name")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file of hashes.")
@click.option(
    "--rows-a-minute",
    type=click.IntRange(1, 1_000_000_000),
    help="How many rows it may use; more get 429. By default as the settings say.",
)
@click.option(
    "--queue-share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Of each model's queue, and of its runner while others wait. By default as the settings say.",
)
def add(name: str, file: Path, rows_a_minute: int | None, queue_share: float | None) -> None:
    """Make a key for NAME and add its hash to the file.

    A name may have several keys, the new one beside the old one: they share the limits.
    """
    before = file.read_text() if file.exists() else ""
    key = new_key()
    limits = KeyLimits(rows_a_minute=rows_a_minute, queue_share=queue_share)
    try:
        if limits == KeyLimits():
            limits = next((line.limits for line in parse_keys(before, str(file)) if line.name == name), limits)
        line = f"{KeyLine(name, key_hash(key), limits)}\n"
        separator = "" if before.endswith("\n") or not before else "\n"
        parse_keys(f"{before}{separator}{line}", str(file))
    except ConfigurationRefused as refused:
        raise click.ClickException(f"{refused}\nNothing was added.") from None
    file.touch(mode=0o600)
    with file.open("a") as lines:
        lines.write(separator + line)
    click.echo(key)
    click.echo(f"This is the only time it is shown. Its hash is in {file}; running services read it soon.", err=True)
