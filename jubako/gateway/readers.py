"""From the body of a request, or rows of this process, to the batch that a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import orjson

from jubako.card import AnyCard, FileRefused
from jubako.files import FileModel
from jubako.gateway.decoding import DecodePool
from jubako.gateway.fast_json import FastJsonReader
from jubako.gateway.forms import FormFiles
from jubako.gateway.json_rows import JsonRows
from jubako.models import AnyModel, BadRows, Batch, overrides
from jubako.tables import TableModel


class RequestReader(Protocol):
    """How this model's requests are read."""

    def check_media(self, content_type: bytes) -> None: ...

    def close(self) -> None: ...

    def check(self) -> None:
        """Raises ``Overloaded`` when a request that arrives now could not be read in time."""
        ...

    async def encode(self, rows: Sequence[Any], gone: Callable[[], bool]) -> Batch:
        """Rows that are in this process already, as the model takes them."""
        ...

    async def read(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch: ...


class JsonReader:
    def __init__(self, card: AnyCard, model: type[AnyModel], most_rows: int) -> None:
        self._rows: JsonRows[Any] = JsonRows(card, most_rows)
        # The fast reader makes the matrix itself: only for rows that no encode of the model's own has to see.
        plain = issubclass(model, TableModel) and not overrides(model, TableModel, "encode")
        self._table = FastJsonReader.of(card, most_rows) if plain else None
        self._model = model
        self.check_media = self._rows.check_media

    def close(self) -> None:
        """Nothing to end."""

    def check(self) -> None:
        """Reading is done at once: nothing waits."""

    async def read(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch:  # noqa: ARG002
        table = self._table.read(body) if self._table else None
        return self._model.encode(self._rows.read(body)) if table is None else table

    async def encode(self, rows: Sequence[Any], gone: Callable[[], bool]) -> Batch:  # noqa: ARG002
        return self._model.encode(rows)


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

    async def read(self, body: bytes, content_type: bytes, gone: Callable[[], bool]) -> Batch:
        return await self._decoded(self._form.read(body, content_type), gone)

    async def encode(self, rows: Sequence[Any], gone: Callable[[], bool]) -> Batch:
        return await self._decoded([row.data for row in rows], gone)

    async def _decoded(self, contents: Sequence[bytes], gone: Callable[[], bool]) -> Batch:
        tries = await self._decoding(contents, gone)
        complaints = {place: tried for place, tried in enumerate(tries) if isinstance(tried, str)}
        if complaints:
            raise BadRows(complaints)
        return np.stack(tries)

    def _decode(self, file: bytes) -> Any:
        try:
            return self._model.decode_file(file)
        except FileRefused as refused:
            return str(refused)
