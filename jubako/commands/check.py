"""``jubako check``: checks configuration, store and machine, and says what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.table import Table

from jubako import home
from jubako.collection import here
from jubako.gateway.keys import read_keys
from jubako.process import devices
from jubako.runner.hop import measure_hop
from jubako.settings import ApiKeySettings, ConfigurationRefused, Settings, configuration_file, read
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

Level = Literal["good", "look", "bad"]
COLOURS = {"good": "green", "look": "yellow", "bad": "red"}


@dataclass(frozen=True)
class CheckResult:
    level: Level
    subject: str
    message: str


def findings(port: int) -> Iterator[CheckResult]:
    try:
        file = configuration_file()
        settings = read(file, here())
        yield CheckResult("good", "configuration", f"{file.name}: every key is known and used")
    except ConfigurationRefused as refused:
        yield CheckResult("bad", "configuration", str(refused))
        return
    if settings.gateway.api_keys.enabled:
        try:
            yield CheckResult("good", "API keys", _known_keys(settings.gateway.api_keys))
        except ConfigurationRefused as refused:
            yield CheckResult("bad", "API keys", str(refused))
    yield from _versions()
    yield from _placements(settings)
    yield from _machine(settings, port)


def _known_keys(settings: ApiKeySettings) -> str:
    """Each name with its limits."""
    lines = {line.name: line.limits for line in read_keys(Path(str(settings.file)).expanduser())}
    told = []
    for name, own in lines.items():
        rows, share = own.rows_a_minute or settings.rows_a_minute, own.queue_share or settings.queue_share
        limits = [f"{rows} rows a minute"] * (rows is not None) + [f"{share:.0%} of a queue"] * (share is not None)
        told.append(f"{name} ({', '.join(limits)})" if limits else name)
    return f"on, for {', '.join(told)}"


def _versions() -> Iterator[CheckResult]:
    for name, card in here().cards.items():
        try:
            tag = stages.production(name)
            if tag is None:
                yield CheckResult("bad", name, f"no version is in production: run `jubako train {name}`")
            else:
                manifest = store.check(tag, card)
                yield CheckResult("good", name, f"{tag}, trained {manifest.trained_at}, every file unchanged")
        except (VersionRefused, stages.StagesUnreadable) as refused:
            yield CheckResult("bad", name, f"{refused}. Go back with `jubako rollback {name}` or train it again")


def _placements(settings: Settings) -> Iterator[CheckResult]:
    """Of the cheap models: what a process of their own costs here, and what it saves the others."""
    for name, model in here().models.items():
        if model.in_thread or not hasattr(os, "fork"):
            continue
        cost = measure_hop(model, settings.runner(name))
        if cost is not None:
            (row, rows), (row_away, rows_away) = cost.here, cost.away
            yield CheckResult(
                "good",
                f"placement of {name}",
                f"{settings.runner(name).placement}. One row takes {row_away:.2f} ms in a runner and {cost.rows} rows "
                f"{rows_away:.2f}; in the gateway {row:.2f} and {rows:.2f}, in which its connections wait",
            )


def _machine(settings: Settings, port: int) -> Iterator[CheckResult]:
    gpus = devices.gpus()
    configured = {name: settings.runner(name).gpu for name in here() if settings.runner(name).gpu != 0}
    missing = [name for name, gpu in configured.items() if gpu != "auto" and gpus == 0]
    if missing:
        yield CheckResult(
            "bad", "GPU", f"{', '.join(missing)} ask for one and none is here; set gpu: auto to allow the CPU"
        )
    elif gpus == 0 and configured:
        yield CheckResult("look", "GPU", f"none here: {', '.join(configured)} compute on the CPU (gpu: auto)")
    elif configured:
        yield CheckResult("good", "GPU", f"{gpus} here, for {', '.join(configured)}")
    folder = home.jubako_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (probe := folder / ".check").write_bytes(b"")
        probe.unlink()
        yield CheckResult("good", "JUBAKO_HOME", "can be written")
    except OSError as error:
        yield CheckResult("look", "JUBAKO_HOME", f"{error.strerror}: predictions go on, profiles are lost")
    with socket.socket() as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe_socket.bind(("127.0.0.1", port))
            yield CheckResult("good", f"port {port}", "free")
        except OSError:
            yield CheckResult("look", f"port {port}", "taken: if that is not Jubako, choose another with --port")


@click.command()
@click.option("--port", default=3000, show_default=True, help="The port that will be served on.")
def check(port: int) -> None:
    """Check configuration, store and machine, and say what to do."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "finding"):
        table.add_column(title, overflow="fold")
    found = list(findings(port))
    for item in found:
        table.add_row(f"[{COLOURS[item.level]}]{item.level}[/]", item.subject, item.message)
    Console().print(table)
    if any(item.level == "bad" for item in found):
        raise SystemExit(1)
