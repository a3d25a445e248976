"""How a service is run: the typed ``configuration.yaml``. What a model *is* is on its card.

Unknown keys, ignored keys and impossible combinations are refused at start, by name: BentoML accepts them silently.
Folders come from the environment (``JUBAKO_CONFIG``, ``JUBAKO_HOME``, ``BENTOML_HOME``).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from jubako import home
from jubako.card import AnyCard, Engine
from jubako.loop.settings import LoopSettings
from jubako.notify.settings import NotifySettings

if TYPE_CHECKING:
    from jubako.collection import Collection

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]


class ConfigurationRefused(ValueError):
    """The configuration has keys or values without effect. The message lists every one."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LimitSettings(_Strict):
    body_bytes: Annotated[int, Field(ge=1_024, le=1 << 30)] = 16 * 1024 * 1024
    body_seconds: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    """How long a request may take to arrive: a slow client holds its memory all the time."""
    head_seconds: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    """How long its headers may take."""
    silent_seconds: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    """How long nothing may arrive in the middle of a request."""
    write_seconds: Annotated[float, Field(gt=0, le=3_600)] = 30.0
    """How long a client may take to read what is written to it."""
    idle_seconds: Annotated[float, Field(gt=0, le=86_400)] = 75.0
    """How long a connection may be idle. A load balancer in front must close its idle connections earlier."""
    connections: Annotated[int, Field(ge=16, le=1_000_000)] = 5_000
    """Open connections of one gateway process; for more, the longest idle are closed. Fewer where the system allows
    fewer open files. An idle one holds 7 to 9 KB."""
    held_bytes: Annotated[int, Field(ge=1_024, le=1 << 40)] = 256 * 1024 * 1024
    """Of all bodies in one gateway process together, from their arrival until they are answered."""
    rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000

    @model_validator(mode="after")
    def _one_fits(self) -> Self:
        if self.held_bytes < self.body_bytes:
            raise ValueError("held_bytes is below body_bytes: the largest allowed body could never be read")
        return self


class KeyLimits(_Strict):
    """What one API key may use; nothing is limited by default."""

    rows_a_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """A minute's rows may come at once; more get 429. Of each replica: replicas share nothing."""
    queue_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of each model's queue, and of its runner while other keys' rows wait."""


class ApiKeySettings(KeyLimits):
    """Off by default. The file holds one ``name: sha256-of-the-key`` a line, so a leaked file reveals no key.

    The limits hold for every key whose line in the file names no others.
    """

    enabled: bool = False
    file: str | None = None

    @model_validator(mode="after")
    def _file_when_enabled(self) -> Self:
        if not self.enabled and (self.rows_a_minute is not None or self.queue_share is not None):
            raise ValueError("rows_a_minute and queue_share limit API keys: they need api_keys.enabled")
        if self.enabled and not self.file:
            raise ValueError("api_keys.enabled needs api_keys.file: make one with `jubako keys add NAME`")
        return self


class LoggingSettings(_Strict):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    access: bool = False
    """One line a request. Off by default: at thousands of requests a second it costs more than the models."""


class GatewaySettings(_Strict):
    workers: Count = 1
    limits: LimitSettings = LimitSettings()
    api_keys: ApiKeySettings = ApiKeySettings()
    logging: LoggingSettings = LoggingSettings()
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """After SIGTERM, ``/readyz`` answers 503 for so long before connections are refused, for load balancers to see."""
    decode_threads: Count = 2
    """Threads that turn picture files into arrays."""


class RunnerSettings(_Strict):
    placement: Literal["runner", "gateway"] = "runner"
    """Where the model lives: in a process of its own, or in each gateway process, which saves the hop and the memory of
    a process. `jubako check` measures both."""
    workers: Count = 1
    threads: Count = 1
    """Processor threads for one worker's model."""
    engine: Engine = "auto"
    gpu: Literal["auto"] | Annotated[float, Field(ge=0, le=16)] = 0.0
    """Share of a GPU: ``auto`` uses one if there is one; with a number, the runner is not ready without one."""
    max_rows: Count | None = None
    """Rows in one call to the model; by default the card's."""
    max_tokens: Count | None = None
    in_flight: Annotated[int, Field(ge=1, le=64)] = 2
    """Concurrent calls to the runner. Two keep it busy while an answer is transferred; where rows arrive more slowly
    than it computes them, as pictures do, one makes fewer and larger calls."""
    queue_rows: Count = 20_000
    """Rows that may be queued; more are refused with 503 and Retry-After."""
    deadline_seconds: Seconds = 10.0
    """After so long a request gets 504, and its rows are not computed."""
    raw_rows: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of rows that the prediction log keeps, to be trained on. None: privacy is the default. Kept as long as its
    predictions; ``jubako forget ID`` deletes one."""

    def call_rows(self, card: AnyCard) -> int:
        """The most rows in one call to the model: this setting's, or the card's."""
        return self.max_rows or card.batching.max_rows

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.gpu != 0 and self.engine == "onnx":
            raise ValueError("engine: onnx runs on the CPU here; with gpu use engine: auto or native")
        if isinstance(self.gpu, float) and self.gpu > 1 and self.gpu != int(self.gpu):
            raise ValueError(f"gpu: {self.gpu} is neither a share of one GPU (up to 1) nor a whole number of them")
        if self.placement == "gateway" and (self.workers > 1 or self.gpu not in (0, "auto")):
            raise ValueError("placement: gateway has the gateway's workers and no GPU; leave out workers and gpu")
        return self


class MonitoringSettings(_Strict):
    enabled: bool = True
    window_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    buffer_rows: Annotated[int, Field(ge=1_000, le=10_000_000)] = 200_000
    """Answered rows that may wait to be profiled; more are dropped and counted."""
    keep_days: Annotated[float, Field(gt=0, le=3_650)] = 30.0
    keep_megabytes: Annotated[int, Field(ge=1)] = 1_024
    prediction_log: bool = True
    """Ids, answers and signals, to join with later feedback."""
    pair_rows: bool = True
    """Whether the pairs of a rollout's shadow hold the rows on which the versions differ: they are to be labelled."""


class TracingSettings(_Strict):
    """Off, at no cost, until an endpoint is named. Needs the extra ``tracing``."""

    endpoint: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """The collector for OTLP over HTTP, with its whole path: ``http://127.0.0.1:4318/v1/traces``."""
    sample_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of requests that are traced, unless the client's ``traceparent`` says otherwise."""

    @model_validator(mode="after")
    def _exporter_when_on(self) -> Self:
        if self.endpoint and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
            raise ValueError("tracing.endpoint needs the exporter: pip install 'jubako[tracing]'")
        return self


class Settings(_Strict):
    """The base of a collection's settings: ``settings_for`` adds the type of ``services``."""

    gateway_name: ClassVar[str]
    services: Any
    """One section for each BentoML service, under its name."""
    monitoring: MonitoringSettings = MonitoringSettings()
    tracing: TracingSettings = TracingSettings()
    notify: NotifySettings = NotifySettings()
    loop: LoopSettings = LoopSettings()

    @model_validator(mode="after")
    def _rows_are_kept(self) -> Self:
        kept = self.raw_rows()
        if kept and not (self.monitoring.enabled and self.monitoring.prediction_log):
            raise ValueError(f"{next(iter(kept))}.raw_rows: the prediction log keeps them, and monitoring has it off")
        for name in self.loop.models:
            if name not in type(self.services).model_fields or name == self.gateway_name:
                raise ValueError(f"loop.models: there is no model {name}")
            if name not in self.loop.data and kept.get(name, 0.0) < self.loop.control_share:
                raise ValueError(
                    f"loop.models: {name} has no labelled rows: set services.{name}.raw_rows to loop.control_share or"
                    f" more, or loop.data.{name} to a file"
                )
        return self

    def raw_rows(self) -> dict[str, float]:
        """The share of rows that are kept, of each model that keeps any."""
        found = {name: getattr(section, "raw_rows", 0.0) for name, section in self.services}
        return {name: share for name, share in found.items() if share}

    @property
    def gateway(self) -> GatewaySettings:
        gateway: GatewaySettings = getattr(self.services, self.gateway_name)
        return gateway

    def runner(self, name: str) -> RunnerSettings:
        runner: RunnerSettings = getattr(self.services, name)
        return runner


def settings_for(collection: Collection) -> type[Settings]:
    """The type of one service's settings: a section for the gateway and one for each model, with its defaults."""
    sections: dict[str, Any] = {collection.name: (GatewaySettings, GatewaySettings())}
    for name, model in collection.models.items():
        share: Any = RunnerSettings.model_fields["gpu"].annotation
        default: float | str = "auto" if model.gpu == "auto" else float(model.gpu)
        runner = create_model(f"{name.title()}Runner", __base__=RunnerSettings, gpu=(share, default))
        sections[name] = (runner, runner())
    check: Any = model_validator(mode="after")(lambda services: _checked(services, collection))
    services = create_model("Services", __base__=_Strict, __validators__={"limits_fit": check}, **sections)
    made = create_model("Settings", __base__=Settings, services=(services, services()))
    made.gateway_name = collection.name
    return made


def _checked(services: Any, collection: Collection) -> Any:
    gateway: GatewaySettings = getattr(services, collection.name)
    for name, card in collection.cards.items():
        runner: RunnerSettings = getattr(services, name)
        if runner.queue_rows < gateway.limits.rows:
            raise ValueError(
                f"{name}.queue_rows ({runner.queue_rows}) is below {collection.name}.limits.rows"
                f" ({gateway.limits.rows}): the largest allowed request could never be admitted"
            )
        if runner.max_tokens is not None and card.batching.max_tokens is None:
            raise ValueError(f"{name}.max_tokens: this model does not read text, so nothing would obey it")
    gpus = [getattr(services, name).gpu for name in collection.cards]
    shares = sum(gpu for gpu in gpus if isinstance(gpu, float | int) and 0 < gpu < 1)
    if 0 < shares < 1 and any(isinstance(gpu, float | int) and gpu >= 1 for gpu in gpus):
        raise ValueError("gpu: mix either shares of one GPU or whole GPUs, not both")
    return services


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def read(file: Path, collection: Collection) -> Settings:
    """The settings in a file; a missing file means every default."""
    try:
        content: Any = yaml.safe_load(file.read_text()) if file.exists() else None
    except yaml.YAMLError as error:
        raise ConfigurationRefused(f"{file.name} is not YAML: {error}") from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigurationRefused(f"{file.name} must hold a mapping, not {type(content).__name__}")
    try:
        return settings_for(collection).model_validate(content)
    except ValidationError as error:
        raise ConfigurationRefused(f"{file.name} is refused:\n" + "\n".join(_complaints(error))) from error


def _complaints(error: ValidationError) -> list[str]:
    known = {"extra_forbidden": "nothing reads this key"}
    return [
        f"  - {'.'.join(str(part) for part in item['loc']) or 'file'}: {known.get(item['type'], item['msg'])}"
        for item in error.errors(include_url=False)
    ]


def configuration_file() -> Path:
    named = os.environ.get("JUBAKO_CONFIG")
    if named and not Path(named).exists():
        raise ConfigurationRefused(f"JUBAKO_CONFIG names {named}, which does not exist")
    return Path(named) if named else home.repository() / "configuration.yaml"
