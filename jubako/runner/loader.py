"""Keeps one verified version of one model loaded in a runner, and follows the stage pointer.

A newer version is opened and checked beside the one that serves; only when it is whole does it take over. A version
that is refused leaves the old one serving, and its name and the reason stand in the runner's status.
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
from jubako.runner.output_checks import Proof, proof_for
from jubako.settings import RunnerSettings
from jubako.versions import stages, store
from jubako.versions.manifest import VersionRefused
from jubako.versions.store import LoadedVersion

log = logging.getLogger("jubako.runner")

#: After so many seconds a refused version is tried again, and then after twice as long each time: its files may have
#: been restored, or the machine had no memory for it.
AGAIN, MOST = 15.0, 600.0


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
    """Taken over as one: an answer never has another version's name."""

    served: LoadedVersion
    proof: Proof


class ModelLoader:
    def __init__(
        self, model: type[AnyModel], settings: RunnerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.model = model
        self.card = model.card
        self._clock = clock
        self._settings = settings
        self._serving: Serving | None = None
        self._why: str | None = "not loaded yet"
        self._refused: str | None = None
        self._again = 0.0
        self._patience = AGAIN
        self._ended = 0.0

    def look(self) -> None:
        """Load what should serve, if that changed. Never raises: the reason stands in the status."""
        try:
            wanted = stages.production(self.card.name)
        except stages.StagesUnreadable as error:
            self._refuse(str(error))
            return
        if wanted is None:
            self._refuse(f"no version of {self.card.name} is in production: run `jubako train {self.card.name}`")
        elif (self._serving is None or self._serving.served.tag != wanted) and self._worth_trying(wanted):
            self._open(wanted)

    def _worth_trying(self, tag: str) -> bool:
        return tag != self._refused or self._clock() >= self._again

    def _open(self, tag: str) -> None:
        try:
            served = store.open_version(tag, self.model, self._runtime())
            proof = proof_for(served, seed=os.getpid())
        except devices.GpuMissing as missing:
            self._refuse(str(missing))
            return
        except Exception as error:
            self._patience = min(2 * self._patience, MOST) if tag == self._refused else AGAIN
            self._refused, self._again = tag, self._clock() + self._patience
            known = isinstance(error, VersionRefused)
            self._refuse(str(error) if known else f"{tag} could not be loaded: {type(error).__name__}: {error}")
            return
        self._serving, self._why, self._refused = Serving(served, proof), None, None
        log.info("serving %s with %s", tag, served.model.engine)

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
        served = self._serving.served
        return RunnerStatus(True, served.tag, served.model.engine, devices.device_for(self._settings.gpu), self._why)

    def predict(self, batch: Batch | list[str]) -> BatchOutputs:
        """The model's answers, proven to be as many and in the order of the rows."""
        serving = self._serving
        if serving is None:
            raise NotReady(self._why)
        batch = given(batch)
        came = time.perf_counter()
        outputs = serving.proof.ask(batch)
        ended = time.perf_counter()
        # While the batch before it was computed, this one was only made ready.
        seconds = ended - max(came, self._ended)
        self._ended = ended
        return BatchOutputs(np.asarray(outputs, np.float32), serving.served.tag, seconds)
