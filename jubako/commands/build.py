"""``jubako build``: ``bentoml build``, also with versions that prove themselves where the Bento serves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import yaml

from jubako import home
from jubako.collection import here
from jubako.commands.arguments import MODEL
from jubako.commands.versions import resolve
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused

BENTOFILE = "bentofile.yaml"


class Candidate(click.ParamType):  # type: ignore[type-arg]
    """``MODEL`` or ``MODEL:VERSION``; converted to the model and its whole version."""

    name = "model[:version]"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        named, _, wanted = value.partition(":")
        model = MODEL.convert(named, param, ctx)
        try:
            version = resolve(model, wanted or None)
            if version == stages.stages_of(model).production:
                self.fail(f"{model}:{version} is in production, so it is packed already", param, ctx)
            store.check(f"{model}:{version}", here().cards[model])
        except (VersionRefused, stages.StageChangeRefused, stages.StagesUnreadable) as error:
            raise click.ClickException(str(error)) from error
        return model, version


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--candidate",
    "candidates",
    type=Candidate(),
    multiple=True,
    help="Pack this version too, for a rollout: of a model its candidate, or a version by its name or the beginning.",
)
@click.option("--bentofile", help=f"What to build instead of {BENTOFILE}.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def build(candidates: tuple[tuple[str, str], ...], bentofile: str | None, options: tuple[str, ...]) -> None:
    """Build the Bento of the versions in production, as `bentoml build` does; it takes the same OPTIONS."""
    versions = dict(candidates)
    if len(versions) != len(candidates):
        raise click.UsageError("a Bento holds one candidate of a model: a model has one rollout at a time")
    command = [sys.executable, "-m", "bentoml", "build"]
    with tempfile.TemporaryDirectory() as folder:
        if versions:
            written = Path(folder, BENTOFILE)
            written.write_text(with_candidates(Path(bentofile or home.repository() / BENTOFILE), versions))
            bentofile = str(written)
        chosen = ["--bentofile", bentofile] if bentofile else []
        done = subprocess.run([*command, *chosen, *options], check=False)  # noqa: S603 - what its user typed
    raise SystemExit(done.returncode)


def with_candidates(bentofile: Path, candidates: dict[str, str]) -> str:
    """The build's description with these versions beside those that the services declare."""
    try:
        content = yaml.safe_load(bentofile.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{bentofile} cannot be read ({error.strerror})") from error
    tags = [f"{model}:{version}" for model, version in sorted(candidates.items())]
    labels = {f"{model}_candidate": version for model, version in candidates.items()}
    content["models"] = [*content.get("models", ()), *tags]
    content["labels"] = {**content.get("labels", {}), **labels}
    return yaml.safe_dump(content)
