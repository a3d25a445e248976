"""MLflow, and the only place that knows it: runs, metrics, pictures, the registry and its aliases.

The client is used rather than ``mlflow.<flavour>.log_model``, which installs nothing but guesses requirements for half
a minute, and rather than the fluent functions, which keep the current run in a global.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jubako import durable, home
from jubako.card import AnyCard
from jubako.training import mlmodel
from jubako.training.progress import TrainingProgress
from jubako.training.recipe import Log, Params
from jubako.versions.manifest import DataFacts

CHAMPION, CHALLENGER = "champion", "challenger"
HOST, PROCESS = "jubako.host", "jubako.process"
FLUSH_EVERY = 500


class TrackingFailed(Exception):
    """MLflow does not answer, or refuses; one sentence for people."""


def uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.jubako_home() / 'mlflow.db'}"


class Tracking:
    def __init__(self) -> None:
        self.uri = uri()
        self._keeps_files = self.uri.startswith(("http", "databricks"))
        home.jubako_home().mkdir(parents=True, exist_ok=True)
        # Two trainings that begin at once would both make the tables of a new database.
        with speaking(self.uri), durable.lock(home.jubako_home() / "mlflow.lock"):
            self.client = _client(self.uri)
            self.client.search_experiments(max_results=1)

    @contextmanager
    def run(self, card: AnyCard, tags: Mapping[str, str], data: DataFacts, parent: str | None = None) -> Iterator[Run]:
        """A run that ends as finished, failed or killed, whatever happens inside."""
        with speaking(self.uri):
            experiment = self._experiment(card.name)
            nested = {"mlflow.parentRunId": parent} if parent else {}
            self._close_abandoned(experiment)
            mine = {"mlflow.user": _user(), HOST: socket.gethostname(), PROCESS: str(os.getpid())}
            created = self.client.create_run(experiment, tags={**tags, **nested, **mine})
            run = Run(self, created.info.run_id, experiment)
            run.start(data)
        try:
            yield run
            run.flush()
        except BaseException as error:
            with suppress(Exception):
                self.client.set_tag(run.id, "error", f"{type(error).__name__}: {error}"[:1000])
                self.client.set_terminated(run.id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        with speaking(self.uri):
            self.client.set_terminated(run.id)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        # MLflow would put files under ./mlruns of wherever one happens to stand; a server has its own place.
        place = None if self._keeps_files else (home.jubako_home() / "mlartifacts" / name).as_uri()
        return str(self.client.create_experiment(name, artifact_location=place))

    def _close_abandoned(self, experiment: str) -> None:
        """A training that was killed could not say so: its run would look as if it still ran."""
        here = f"attributes.status = 'RUNNING' and tags.`{HOST}` = '{socket.gethostname()}'"
        for run in self.client.search_runs([experiment], here):
            if not Path(f"/proc/{run.data.tags[PROCESS]}").exists() and Path("/proc/self").exists():
                self.client.set_terminated(run.info.run_id, "KILLED")

    def set_alias(self, model: str, alias: str, version: str | None, run_id: str) -> None:
        """Let an alias of the registry point where the stage pointer points."""
        with speaking(self.uri):
            if version is None or self.client.get_model_version(model, version).run_id != run_id:
                raise TrackingFailed(f"{self.uri} does not know this version of {model}: it was trained elsewhere")
            self.client.set_registered_model_alias(model, alias, version)

    def drop_alias(self, model: str, alias: str) -> None:
        with speaking(self.uri):
            self.client.delete_registered_model_alias(model, alias)


class Run:
    """One MLflow run. Metrics are gathered and sent together: a message for each step would cost more than the step."""

    def __init__(self, tracking: Tracking, run_id: str, experiment: str) -> None:
        self.id = run_id
        self.history: dict[str, list[tuple[int, float]]] = {}
        self._client = tracking.client
        self._uri = tracking.uri
        self._experiment = experiment
        self._waiting: list[Any] = []

    def start(self, data: DataFacts) -> None:
        from mlflow import entities

        self.params({"data": data.source[:500], "rows": data.rows})
        dataset = entities.Dataset(
            data.source[:500],
            data.sha256[:36],
            "local",
            f'{{"source": "{data.sha256}"}}',
            profile=f'{{"rows": {data.rows}}}',
        )
        self._client.log_inputs(self.id, [entities.DatasetInput(dataset)])

    def params(self, values: Params) -> None:
        from mlflow.entities import Param

        with speaking(self._uri):
            self._client.log_batch(self.id, params=[Param(name, str(value)) for name, value in values.items()])

    def logging_to(self, progress: TrainingProgress) -> Log:
        """What a recipe logs while it fits: to MLflow, for the learning curve, and to the progress bar."""

        def log(metric: str, value: float, step: int) -> None:
            progress.log(metric, value, step)
            if metric != "progress":
                self.history.setdefault(metric, []).append((step, value))
                self.log(f"fit/{metric}", value, step)

        return log

    def log(self, metric: str, value: float, step: int) -> None:
        from mlflow.entities import Metric

        self._waiting.append(Metric(metric, float(value), int(time.time() * 1000), step))
        if len(self._waiting) >= FLUSH_EVERY:
            self.flush()

    def metrics(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.log(name, value, 0)
        self.flush()

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        with speaking(self._uri):
            self._client.log_batch(self.id, metrics=waiting)

    def tags(self, values: Mapping[str, str]) -> None:
        with speaking(self._uri):
            for name, value in values.items():
                self._client.set_tag(self.id, name, value)

    def files(self, folder: Path, place: str) -> None:
        with speaking(self._uri):
            self._client.log_artifacts(self.id, str(folder), place)

    def register(self, card: AnyCard, folder: Path, workplace: Path, tags: Mapping[str, str]) -> str:
        """The model's files, with signature and input example, as a version in MLflow's registry."""
        packed = workplace / "mlflow"
        with speaking(self._uri):
            logged = self._client.create_logged_model(self._experiment, card.name, self.id, dict(tags))
            mlmodel.write(packed, card, folder, run_id=self.id, model_id=logged.model_id)
            self._client.log_model_artifacts(logged.model_id, str(packed))
            self._client.finalize_logged_model(logged.model_id, "READY")
            shutil.rmtree(packed)
            if not self._client.search_registered_models(f"name='{card.name}'"):
                self._client.create_registered_model(card.name, description=card.title)
            version = self._client.create_model_version(
                card.name,
                f"models:/{logged.model_id}",
                self.id,
                dict(tags),
                await_creation_for=60,
                model_id=logged.model_id,
            )
        return str(version.version)


def _client(tracking: str) -> Any:
    """A client of this server. An http server that is away must fail in seconds, not after MLflow's many minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import logging

    import mlflow

    # It announces each table that it creates in a new database, and prints a page of what is raised as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("mlflow.store.model_registry.abstract_store").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    given = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(tracking)  # the SQL registry looks logged models up through the global
    if given is None:  # that call also sets the environment, as if the user had
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    with warnings.catch_warnings():
        # MLflow's own tables use a loader that this SQLAlchemy is about to drop: its makers' to mend.
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        return mlflow.MlflowClient(tracking, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or tracking)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


@contextmanager
def speaking(place: str) -> Iterator[None]:
    """Whatever goes wrong with MLflow is one error with one sentence."""
    try:
        yield
    except TrackingFailed:
        raise
    except Exception as error:
        raise TrackingFailed(f"MLflow at {_without_password(place)}: {in_words(error)}") from error


def in_words(error: BaseException) -> str:
    """
    >>> in_words(OSError("[Errno 28] No space left on device: 'a' -> 'b'"))
    'no space left on the disk'
    """
    said = str(error).strip()
    if "No space left on device" in said or "disk is full" in said:
        return "no space left on the disk"
    if "Max retries exceeded" in said:
        return "it does not answer"
    return (said.splitlines() or [type(error).__name__])[0][:300]


def _without_password(place: str) -> str:
    """
    >>> _without_password("https://me:secret@mlflow.example")
    'https://***@mlflow.example'
    """
    scheme, mark, rest = place.partition("://")
    return f"{scheme}{mark}***@{rest.rpartition('@')[2]}" if "@" in rest else place
