"""One model's desk in the gateway: from a request's body to its answer. Transport knows nothing of models, and the
desk nothing of transport."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson

from jubako.answer import Answer as PublicAnswer
from jubako.batching import (
    Batcher,
    BatchResult,
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    NotReady,
    Overloaded,
    unique_id,
)
from jubako.card import AnyCard, FileRefused
from jubako.files import FileModel
from jubako.gateway.decoding import DecodePool
from jubako.gateway.fast_json import FastJsonReader
from jubako.gateway.forms import FormFiles
from jubako.gateway.json_rows import JsonRows, encoded_errors
from jubako.gateway.problems import InternalProblem, Problem, TimeoutProblem, UnavailableProblem
from jubako.model import AnyModel, BadRows, Batch

log = logging.getLogger("jubako.desk")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A finished prediction, ready to be told."""

    body: bytes
    rows: int
    answer: BatchResult


class RequestReader(Protocol):
    """How this model's requests are read."""

    def check_media(self, content_type: bytes) -> None: ...

    def close(self) -> None: ...

    def check(self) -> None:
        """Raises ``Overloaded`` when a request that comes now could not be read in time."""
        ...

    async def batch(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch: ...


class JsonReader:
    def __init__(self, card: AnyCard, model: type[AnyModel], most_rows: int) -> None:
        self._rows: JsonRows[Any] = JsonRows(card, most_rows)
        self._table = FastJsonReader.of(card, most_rows)
        self._model = model
        self.check_media = self._rows.check_media

    def close(self) -> None:
        """Nothing to end."""

    def check(self) -> None:
        """Reading is done at once: there is no line."""

    async def batch(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch:  # noqa: ARG002
        table = self._table.read(body) if self._table else None
        return self._model.encode(self._rows.read(body)) if table is None else table


class FileReader:
    """Decoding a file takes longer than everything else here, and lets other threads run meanwhile."""

    def __init__(self, model: type[FileModel[Any, Any]], most_rows: int, threads: int, deadline: float) -> None:
        row = model.card.row
        self._form = FormFiles(most_rows, row.max_bytes())
        self._model = model
        for example in model.card.examples:  # or the first callers wait while the decoder is loaded
            self._decode(row.model_validate_json(orjson.dumps(example)).data)
        self._decoding = DecodePool(self._decode, threads, deadline)
        self.check_media = self._form.check_media
        self.check = self._decoding.check
        self.close = self._decoding.close

    async def batch(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch:
        tries = await self._decoding(self._form.read(body, content_type), gone)
        complaints = {place: tried for place, tried in enumerate(tries) if isinstance(tried, str)}
        if complaints:
            raise BadRows(complaints)
        return np.stack(tries)

    def _decode(self, file: bytes) -> Any:
        try:
            return self._model.decode_file(file)
        except FileRefused as refused:
            return str(refused)


class ModelEndpoint:
    def __init__(self, card: AnyCard, model: type[AnyModel], reading: RequestReader, caller: Batcher) -> None:
        self.card = card
        self.caller = caller
        self.version: str | None = None
        """The version that answered last."""
        self._model = model
        self._reading = reading
        self.check_media = reading.check_media

    async def answer(
        self, body: bytes, content_type: bytes, request_id: str, gone: Callable[[], bool]
    ) -> HttpAnswer | None:
        """The answer's JSON; None when the caller has left. Raises ``Problem``."""
        try:
            batch = await self._reading.batch(body, content_type, gone)
            answer = await self.caller.call(batch, gone, request_id)
        except BadRows as bad:
            raise encoded_errors(bad.complaints) from None
        except CallerDisconnected:
            return None
        except CallFault as fault:
            # Not kept here: what is raised knows this place and with it the body, and would know itself.
            raise self._explained(fault, request_id) from None
        return self._tell(answer, request_id)

    def _explained(self, fault: CallFault, request_id: str) -> Problem:
        problem = _problem(self.card.name, fault)
        # Refusals are only counted: under overload a line each would add to it.
        if problem.outcome in ("failed", "late"):
            facts = {"request_id": request_id, "model": self.card.name, "status": problem.status}
            log.error("%s could not answer: %s", self.card.name, fault, extra=facts)
        return problem

    async def answer_rows(self, rows: list[Any]) -> Any:
        """The same for a caller in this process, who already has rows."""
        batch = self._model.encode(rows)
        request_id = unique_id()
        answered = self._tell(await self.caller.call(batch, lambda: False, request_id), request_id)
        return PublicAnswer[self.card.prediction].model_validate_json(answered.body)

    async def close(self) -> None:
        self._reading.close()
        await self.caller.close()

    def refuse_when_full(self) -> None:
        try:
            self.caller.check()
            self._reading.check()
        except Overloaded as fault:
            raise _problem(self.card.name, fault) from None

    def _tell(self, answer: BatchResult, request_id: str) -> HttpAnswer:
        self.version = answer.version
        name, _, version = answer.version.partition(":")
        predictions = self._model.decode(answer.outputs)
        stem = f"{answer.version}:{answer.mark}."
        named = [
            {"id": f"{stem}{place}", **prediction} for place, prediction in enumerate(predictions, start=answer.first)
        ]
        body = orjson.dumps(
            {"model": {"name": name, "version": version}, "request_id": request_id, "predictions": named}
        )
        return HttpAnswer(body, len(predictions), answer)


def _problem(model: str, fault: CallFault) -> Problem:
    if isinstance(fault, Overloaded):
        return UnavailableProblem(f"{model} has more work than it can finish in time", fault.retry_after)
    if isinstance(fault, NotReady):
        return UnavailableProblem(f"{model} is not ready; /readyz says why", 5)
    if isinstance(fault, DeadlinePassed):
        return TimeoutProblem(f"{model}: {fault}")
    return InternalProblem()
