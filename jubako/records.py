"""Small JSON files that several processes read and change: whole at any moment, one change at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from jubako import durable

RecordT = TypeVar("RecordT", bound=BaseModel)


@dataclass(frozen=True)
class RecordFile(Generic[RecordT]):
    """``unreadable`` is raised for a damaged file; ``advice`` says what to do then."""

    path: Path
    kind: type[RecordT]
    unreadable: type[Exception]
    advice: str

    def read(self) -> RecordT:
        """What is in the file; an empty record when there is none."""
        try:
            return self.kind.model_validate(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return self.kind()
        except (ValueError, ValidationError) as error:
            raise self.unreadable(f"{self.path} is damaged ({str(error).splitlines()[0]}): {self.advice}") from error

    def change(self, update: Callable[[RecordT], RecordT]) -> RecordT:
        """Written before it returns, unless ``update`` gives back what it was given."""
        with durable.lock(self.path.with_suffix(".lock")):
            before = self.read()
            after = update(before)
            if after is not before:
                durable.write_whole(self.path, after.model_dump_json(indent=1).encode())
        return after
