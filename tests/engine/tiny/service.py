"""A service that is not the repository's: ``bentoml serve tests.engine.tiny.service:Tiny``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import bentoml
from bentoml.exceptions import InvalidArgument
from pydantic import BaseModel

from jubako import model, service
from tests.engine.tiny.models import (
    BlobModel,
    BlobPrediction,
    NoteModel,
    NotePrediction,
    NoteRow,
    SumModel,
    SumPrediction,
    SumRow,
)


class Both(BaseModel):
    total: SumPrediction
    note: NotePrediction


@service
class Tiny:
    """Three tiny models and the routes of somebody who writes their own."""

    sums = model(SumModel)
    notes = model(NoteModel)
    blobs = model(BlobModel)

    def __init__(self) -> None:
        self.started = True

    @bentoml.api(route="/v1/both")
    async def both(self, pair: SumRow, note: NoteRow, shout: bool = False) -> Both:
        """The sum of a pair, and the size of a note."""
        text = NoteRow(text=note.text.upper()) if shout else note
        (total,), (size,) = await asyncio.gather(self.sums.predict([pair]), self.notes.predict([text]))
        return Both(total=total, note=size)

    @bentoml.api(route="/v1/sums/predict")
    async def doubled(self, inputs: list[SumRow]) -> list[SumPrediction]:
        """Replaces the generated route of sums."""
        return await self.sums.predict([*inputs, *inputs])

    @bentoml.api(route="/v1/slowly")
    def slowly(self, seconds: float) -> str:
        """A route without a model, and not asynchronous."""
        if seconds > 1:
            raise InvalidArgument("nobody waits so long")
        if seconds < 0:
            raise RuntimeError("time runs backwards")
        return f"{self.started}"

    @bentoml.api(route="/v1/bytes")
    def count(self, file: Path) -> int:
        """Takes a file, so BentoML's router answers it."""
        return len(file.read_bytes())

    @bentoml.api(route="/v1/lines")
    async def lines(self, file: Path) -> int:
        """Asks a model, but takes a file, so BentoML's router answers it."""
        notes = [NoteRow(text=line) for line in file.read_text().splitlines()]  # noqa: ASYNC240 - a few bytes
        return sum(note.size == "long" for note in await self.notes.predict(notes))

    @bentoml.api(route="/v1/kinds")
    async def kinds(self, copies: int) -> list[BlobPrediction]:
        """Files of this process, through the model's own decoder."""
        from tests.engine.tiny.models import BlobRow

        return await self.blobs.predict([BlobRow(data=bytes([number, 9, 9, 9])) for number in range(copies)])
