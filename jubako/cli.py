"""The console command ``jubako``. Each command is imported when it is used: ``jubako models`` loads no framework."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

try:
    import click
except ModuleNotFoundError as missing:
    raise SystemExit("`jubako` needs the console extra: pip install 'jubako[cli]'") from missing


@dataclass(frozen=True)
class Command:
    """Where a command is, and what it stands on."""

    place: str
    """``module:name``"""
    summary: str
    extra: str
    needs: tuple[str, ...]


COMMANDS = {
    "init": Command("jubako.commands.init:init", "Write a new repository with one model.", "cli", ()),
    "new": Command("jubako.commands.init:new", "Add a model to this repository.", "cli", ()),
    "train": Command(
        "jubako.commands.train:train", "Train models, and make versions of those that pass.", "train",
        ("mlflow", "matplotlib"),
    ),
    "import": Command(
        "jubako.commands.importing:import_model", "Bring a model from MLflow.", "train",
        ("mlflow", "pandas", "onnxruntime"),
    ),
    "models": Command(
        "jubako.commands.versions:models", "List versions: stage, metrics, lineage.", "serve", ("numpy", "rich"),
    ),
    "promote": Command(
        "jubako.commands.versions:promote", "Let a version serve.", "serve", ("numpy", "onnxruntime"),
    ),
    "lineage": Command(
        "jubako.commands.lineage:lineage", "Show what a version or a prediction was made from.", "serve",
        ("numpy", "rich", "jinja2"),
    ),
    "replay": Command(
        "jubako.commands.lineage:replay", "Compute an old prediction again.", "serve", ("numpy", "onnxruntime"),
    ),
    "reproduce": Command(
        "jubako.commands.lineage:reproduce", "Train a version again, and compare.", "train", ("mlflow",),
    ),
    "rollback": Command(
        "jubako.commands.versions:rollback", "Go back to the version before.", "serve", ("numpy", "onnxruntime"),
    ),
    "rollout": Command(
        "jubako.commands.rollout:rollout", "Let a candidate prove itself: shadow, canary, judged.", "serve",
        ("numpy", "rich"),
    ),
    "build": Command(
        "jubako.commands.build:build", "Build the Bento, also with candidates for rollouts.", "serve",
        ("bentoml", "numpy"),
    ),
    "evaluate": Command(
        "jubako.commands.evaluate:evaluate", "Judge a version on rows whose truth is known.", "train",
        ("mlflow", "onnxruntime"),
    ),
    "drift": Command("jubako.commands.drift:drift", "Compare live rows with training.", "serve", ("whylogs",)),
    "loop": Command(
        "jubako.commands.loop:loop", "Retrain by policy: watch, train, gate, roll out.", "train",
        ("mlflow", "onnxruntime", "whylogs"),
    ),
    "forget": Command("jubako.commands.forget:forget", "Delete what is kept of a prediction.", "serve", ("numpy",)),
    "health": Command(
        "jubako.commands.health:health", "Time to serving, rollbacks, time to restore, live quality.", "serve",
        ("numpy", "rich"),
    ),
    "check": Command(
        "jubako.commands.check:check", "Check configuration, store and machine.", "serve", ("numpy", "rich"),
    ),
    "notify": Command(
        "jubako.commands.notify:notify", "Try the channels that tell people.", "serve", ("numpy", "yaml"),
    ),
    "keys": Command("jubako.commands.keys:keys", "Make API keys.", "serve", ("numpy", "rich")),
    "predict": Command("jubako.commands.predict:predict", "Ask the service for predictions.", "cli", ("rich",)),
}  # fmt: skip


class Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        command = COMMANDS.get(cmd_name)
        if command is None:
            return None
        if missing := next((name for name in command.needs if find_spec(name) is None), None):
            raise click.ClickException(
                f"`jubako {cmd_name}` needs {missing}, which is not installed: pip install 'jubako[{command.extra}]'"
            )
        from jubako import collection

        collection.here()  # a console command does not find the working folder's packages by itself
        module, _, name = command.place.partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table above: click would import every command to ask for its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


def _tell_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """In a container nothing is installed as a package: there it is the Bento's tag."""
    if not wanted:
        return
    from jubako import home

    if home.bento():
        from jubako.versions import packed

        held = packed.versions()
        click.echo(held and held.tag)
    else:
        click.echo(f"jubako {version('jubako')}")
    ctx.exit()


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version,
    help="Show the version and exit.",
)  # fmt: skip
def group() -> None:
    """Several models behind one BentoML service: train them, choose what serves, watch it."""


def main(**options: Any) -> None:
    group(prog_name="jubako", **options)
