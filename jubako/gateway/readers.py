"""Reads a request's body, or encodes rows from this process, into the batch that a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from jubako.batch import concat
from jubako.batching import ApiKey
from jubako.batching.hooks import Join
from jubako.card import AnyCard, FileRefused
from jubako.files import FileModel
from jubako.gateway.decoding import DecodePool
from jubako.gateway.fast_json import FastJsonReader
from jubako.gateway.forms import FormFiles
from jubako.gateway.json_rows import JsonRows
from jubako.models import AnyModel, BadRows, Batch, overrides
from jubako.tables import TableModel


class JsonReader:
    def __init__(self, card: AnyCard, model: type[AnyModel], max_rows: int) -> None:
        self._rows: JsonRows[Any] = JsonRows(card, max_rows)
        # The fast reader makes the matrix itself, so it must not be used when the model overrides ``encode``.
        plain = issubclass(model, TableModel) and not overrides(model, TableModel, "encode")
        self._table = FastJsonReader.of(card, max_rows) if plain else None
        self.join: Join = concat if self._table is None else self._table.join
        self._model = model
        self.check_media = self._rows.check_media

    def close(self) -> None:
        """Nothing to close."""

    def check(self, files: int = 1, key: ApiKey | None = None) -> None:
        """Reading JSON has no queue."""

    def read(self, body: bytes) -> tuple[Batch | bytes, int]:
        """The rows, for ``join``, and how many they are."""
        if self._table is not None:
            packed, rows = self._table.read(body)
            if rows:
                return packed, rows
        batch = self._model.encode(self._rows.read(body))
        return batch, len(batch)

    async def encode(
        self,
        rows: Sequence[Any],
        is_disconnected: Callable[[], bool],  # noqa: ARG002
        key: ApiKey | None,  # noqa: ARG002
    ) -> Batch:
        return self._model.encode(rows)


class FileReader:
    """Decodes files in threads: decoding takes longer than everything else and releases the GIL."""

    def __init__(
        self, model: type[FileModel[Any, Any]], max_rows: int, threads: int, deadline: float, *, fair: bool
    ) -> None:
        row = model.card.row
        self._form = FormFiles(max_rows, row.max_bytes())
        self._model = model
        for example in model.card.examples:  # load the decoder now, not in the first request
            self._decode(row.model_validate_json(orjson.dumps(example)).data)
        self.join: Join = concat
        self._decoding = DecodePool(self._decode, threads, deadline, fair=fair)
        self.check_media = self._form.check_media
        self.check = self._decoding.check
        self.close = self._decoding.close

    async def read(
        self, body: bytes, content_type: bytes, is_disconnected: Callable[[], bool], key: ApiKey | None
    ) -> Batch:
        return await self._decoded(self._form.read(body, content_type), is_disconnected, key)

    async def encode(self, rows: Sequence[Any], is_disconnected: Callable[[], bool], key: ApiKey | None) -> Batch:
        return await self._decoded([row.data for row in rows], is_disconnected, key)

    async def _decoded(
        self, contents: Sequence[bytes], is_disconnected: Callable[[], bool], key: ApiKey | None
    ) -> Batch:
        arrays = await self._decoding(contents, is_disconnected, key)
        complaints = {place: array for place, array in enumerate(arrays) if isinstance(array, str)}
        if complaints:
            raise BadRows(complaints)
        return np.stack(arrays)

    def _decode(self, file: bytes) -> Any:
        try:
            return self._model.decode_file(file)
        except FileRefused as refused:
            return str(refused)
