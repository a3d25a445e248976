"""How a batch and its answers travel between gateway and runner: raw arrays or JSON texts, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import cast

import numpy as np
import orjson
from numpy.typing import NDArray

from jubako.model import Batch, Outputs

ARRAY = "application/vnd.jubako.array"
TEXTS = "application/vnd.jubako.texts+json"
FORM = "x-jubako-form"
VERSION = "x-jubako-version"
SECONDS = "x-jubako-seconds"
FAULT = "x-jubako-fault"
REQUESTS = "x-request-id"
"""The ids of the requests in a call, so that what a runner logs can be found by them."""
MOST_REQUESTS = 256
#: What a runner may send or get. An object array would need pickle.
KINDS = frozenset({"<f4", "<f8", "|u1", "<i8", "<i4"})


class NotABatch(ValueError):
    """The bytes are not what the headers say."""


def pack(batch: Batch) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a batch.

    >>> body, headers = pack(np.zeros((2, 3), np.float32))
    >>> len(body), headers[FORM]
    (24, '<f4 2,3')
    """
    if isinstance(batch, list):
        return orjson.dumps(batch), {"content-type": TEXTS}
    form = f"{batch.dtype.str} {','.join(map(str, batch.shape))}"
    return batch.tobytes(), {"content-type": ARRAY, FORM: form}


def unpack(body: bytes, headers: Mapping[str, str]) -> Batch:
    """The batch in a body. Nothing is trusted: kind, shape and size must agree."""
    if headers.get("content-type") == TEXTS:
        texts = orjson.loads(body)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise NotABatch("expected a list of texts")
        return cast(list[str], texts)
    kind, _, shape = headers.get(FORM, "").partition(" ")
    if kind not in KINDS:
        raise NotABatch(f"arrays of kind {kind!r} are not accepted")
    try:
        array = np.frombuffer(body, dtype=np.dtype(kind)).reshape([int(side) for side in shape.split(",")])
    except ValueError as error:
        raise NotABatch(str(error)) from error
    return array


def outputs_of(body: bytes, headers: Mapping[str, str]) -> Outputs:
    """An answer's array: always two-dimensional float32."""
    array = unpack(body, headers)
    if isinstance(array, list) or array.dtype != np.float32 or array.ndim != 2:
        raise NotABatch("an answer must be a float32 matrix")
    return cast("NDArray[np.float32]", array)


def chosen(batch: Batch, which: NDArray[np.bool_]) -> Batch:
    """
    >>> chosen(["good", "bad"], np.array([False, True]))
    ['bad']
    """
    return list(compress(batch, which)) if isinstance(batch, list) else batch[which]


def merge(batches: list[Batch]) -> Batch:
    """Several callers' rows as one batch, in order."""
    if len(batches) == 1:
        return batches[0]
    if isinstance(batches[0], list):
        return [text for batch in batches for text in cast(list[str], batch)]
    return np.concatenate(cast("list[NDArray[np.float32]]", batches))
