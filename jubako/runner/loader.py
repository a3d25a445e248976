"""Keeps one verified version of one model loaded in a runner, and follows the stage pointer.

A newer version is loaded and checked beside the one that serves, and replaces it only when it passes. When it is
refused, the old one serves on, and the runner's status has the name of the refused version and the reason.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jubako.batch import given
from jubako.batching.faults import NotReady
from jubako.batching.runner_client import RunnerStatus
from jubako.models import AnyModel, Batch, Outputs, Runtime
from jubako.process import devices
from jubako.runner.output_checks import OutputCheck, output_check_for
from jubako.settings import RunnerSettings
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused
from jubako.versions.store import LoadedVersion

log = logging.getLogger("jubako.runner")

#: Seconds until a refused version is tried again, doubled each time up to the maximum: its files may have been
#: restored, or the machine had no memory for it.
RETRY_AFTER, MAX_RETRY_AFTER = 15.0, 600.0
#: So long the version before stays loaded: going back to it takes no loading.
KEPT_WARM = 3_600.0


@dataclass(frozen=True, slots=True)
class BatchOutputs:
    """What one version computed for one batch."""

    outputs: Outputs
    tag: str
    """``name:version``."""
    seconds: float
    """How long the model itself took."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Replaced as one object: outputs never carry the name of another version."""

    version: LoadedVersion
    check: OutputCheck


class ModelLoader:
    """``wanted`` says which version of a model should serve: the one in production."""

    def __init__(
        self,
        model: type[AnyModel],
        settings: RunnerSettings,
        clock: Callable[[], float] = time.monotonic,
        wanted: Callable[[str], str | None] = stages.production,
    ) -> None:
        self.model = model
        self.card = model.card
        self._clock = clock
        self._wanted = wanted
        self._settings = settings
        self._serving: Serving | None = None
        self._warm: Serving | None = None
        self._warm_until = 0.0
        self._why: str | None = "not loaded yet"
        self._refused: str | None = None
        self._retry_at = 0.0
        self._retry_after = RETRY_AFTER
        self._ended = 0.0

    def refresh(self) -> None:
        """Load the version in production, if it changed. Never raises: a failure is in the status."""
        try:
            wanted = self._wanted(self.card.name)
        except stages.StagesUnreadable as error:
            self._refuse(str(error))
            return
        if wanted is None:
            self._refuse(f"no version of {self.card.name} is in production: run `jubako train {self.card.name}`")
        elif (self._serving is None or self._serving.version.tag != wanted) and self._may_try(wanted):
            self._open(wanted)
        if self._warm is not None and self._clock() >= self._warm_until:
            self._warm = None

    def _may_try(self, tag: str) -> bool:
        return tag != self._refused or self._clock() >= self._retry_at

    def _open(self, tag: str) -> None:
        if self._warm is not None and self._warm.version.tag == tag:
            self._serve(self._warm)
            return
        try:
            version = store.open_version(tag, self.model, self._runtime())
            check = output_check_for(version, seed=os.getpid())
        except devices.GpuMissing as missing:
            self._refuse(str(missing))
            return
        except Exception as error:
            self._retry_after = min(2 * self._retry_after, MAX_RETRY_AFTER) if tag == self._refused else RETRY_AFTER
            self._refused, self._retry_at = tag, self._clock() + self._retry_after
            known = isinstance(error, VersionRefused)
            self._refuse(str(error) if known else f"{tag} could not be loaded: {type(error).__name__}: {error}")
            return
        self._serve(Serving(version, check))

    def _serve(self, serving: Serving) -> None:
        self._warm, self._warm_until = self._serving, self._clock() + KEPT_WARM
        self._serving, self._why, self._refused = serving, None, None
        log.info("serving %s with %s", serving.version.tag, serving.version.model.engine)

    def _runtime(self) -> Runtime:
        device = devices.device_for(self._settings.gpu)
        return Runtime(self._settings.engine, device, self._settings.threads)

    def _refuse(self, why: str) -> None:
        if why != self._why:
            log.error("%s", why)
        self._why = why

    def status(self) -> RunnerStatus:
        if self._serving is None:
            return RunnerStatus(ready=False, why=self._why)
        version = self._serving.version
        return RunnerStatus(True, version.tag, version.model.engine, devices.device_for(self._settings.gpu), self._why)

    def golden_batch(self) -> Batch:
        """The golden rows of the version that serves. Raises ``NotReady``."""
        if self._serving is None:
            raise NotReady(self._why)
        version = self._serving.version
        return version.model.encode(version.golden_rows)

    def predict(self, batch: Batch | list[str]) -> BatchOutputs:
        """The model's outputs, checked to be as many as the rows and in their order."""
        serving = self._serving
        if serving is None:
            raise NotReady(self._why)
        batch = given(batch)
        started = time.perf_counter()
        outputs = serving.check.predict(batch)
        ended = time.perf_counter()
        # Time before the previous batch ended was spent waiting for it.
        seconds = ended - max(started, self._ended)
        self._ended = ended
        return BatchOutputs(np.asarray(outputs, np.float32), serving.version.tag, seconds)
