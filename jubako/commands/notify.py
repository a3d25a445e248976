"""``jubako notify``: where people are told, and whether it arrives."""

from __future__ import annotations

import click

from jubako.collection import here
from jubako.notify.channels import SecretMissing, Undelivered, channels
from jubako.notify.events import trial_event
from jubako.settings import ConfigurationRefused, configuration_file, read


@click.command()
@click.option("--test", is_flag=True, help="Send a test to each; exits with 1 when one does not arrive.")
def notify(*, test: bool) -> None:
    """List the channels of notify: in configuration.yaml."""
    try:
        found = channels(read(configuration_file(), here()).notify)
    except (ConfigurationRefused, SecretMissing) as error:
        raise click.ClickException(str(error)) from error
    if not found:
        click.echo("Nobody is told: notify: in configuration.yaml names no channel.")
        return
    failed = False
    for channel in found:
        if not test:
            click.echo(channel.kind)
            continue
        try:
            channel.send(trial_event())
            click.echo(f"{channel.kind}: sent")
        except Undelivered as error:
            failed = True
            click.echo(f"{channel.kind}: not sent: {error}", err=True)
    if failed:
        raise SystemExit(1)
