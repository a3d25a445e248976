"""What the engine does with a batch: join batches, and write one as bytes that no pickle is needed to read.

A batch is one numpy array with a row at each place of its first axis, whatever the model. So a slice, a mask or a list
of places takes rows of any batch. Texts are an array of Python's strings: numpy's ``StringDType`` copies each text,
and to join and take 64 of them took 170 microseconds longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

Batch: TypeAlias = NDArray[Any]
"""What goes to a runner: one array with a row at each place of the first axis."""

Outputs: TypeAlias = NDArray[np.float32]
"""What comes back: one line for each row, one column for each of the card's ``outputs``."""

TEXTS = "texts"
#: The kinds of numbers that may travel. An array of objects would need pickle.
KINDS = frozenset({"<f4", "<f8", "|u1", "<i8", "<i4"})


class NotABatch(ValueError):
    """The bytes are not what their form says."""


def of_texts(values: Iterable[str]) -> Batch:
    return np.array(list(values), dtype=object)


def given(batch: Batch | list[str]) -> Batch:
    """What a runner's caller gave: BentoML passes arrays as they are, and texts as a list."""
    return batch if isinstance(batch, np.ndarray) else of_texts(batch)


def concat(batches: Sequence[Batch]) -> Batch:
    """The rows of several batches in order. A single one is not copied.

    >>> concat([of_texts(["good"]), of_texts(["bad", "ugly"])]).tolist()
    ['good', 'bad', 'ugly']
    """
    return batches[0] if len(batches) == 1 else np.concatenate(batches)


def join_packed(width: int, batches: Sequence[Any]) -> Batch:
    """The same for rows of float32 numbers, of which some may be bytes still: one array is made for all.

    >>> join_packed(2, [bytes(8), np.float32([[1, 2]])]).tolist()
    [[0.0, 0.0], [1.0, 2.0]]
    """
    return np.frombuffer(b"".join(batches), np.float32).reshape(-1, width)


def size(batch: Batch) -> int:
    """How much memory the rows take, about: bytes, or characters of text."""
    return sum(map(len, batch)) if batch.dtype == object else batch.nbytes


def pack(batch: Batch) -> tuple[str, bytes]:
    """The form of a batch, and its rows: an array's bytes, or texts as JSON.

    >>> pack(np.zeros((2, 3), np.float32))[0], pack(of_texts(["good", "bad"]))
    ('<f4 2,3', ('texts', b'["good","bad"]'))
    """
    if batch.dtype == object:
        return TEXTS, orjson.dumps(batch.tolist())
    return f"{batch.dtype.str} {','.join(map(str, batch.shape))}", batch.tobytes()


def unpack(form: str, body: bytes) -> Batch:
    """The batch in a body. Nothing is trusted: kind, shape and size must agree.

    >>> unpack("|O8 1", bytes(8))
    Traceback (most recent call last):
    jubako.batch.NotABatch: arrays of kind '|O8' are not accepted
    """
    if form == TEXTS:
        try:
            texts = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise NotABatch(str(error)) from error
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise NotABatch("expected a list of texts")
        return of_texts(texts)
    kind, _, shape = form.partition(" ")
    if kind not in KINDS:
        raise NotABatch(f"arrays of kind {kind!r} are not accepted")
    try:
        return np.frombuffer(body, dtype=np.dtype(kind)).reshape([int(side) for side in shape.split(",")])
    except ValueError as error:
        raise NotABatch(str(error)) from error
