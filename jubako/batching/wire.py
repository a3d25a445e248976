"""The wire format between gateway and runner: raw arrays or JSON texts, never pickle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jubako import batch as batches
from jubako.batch import NotABatch
from jubako.models import Batch, Outputs

MEDIA = "application/vnd.jubako.batch"
FORM = "x-jubako-form"
VERSION = "x-jubako-version"
SECONDS = "x-jubako-seconds"
FAULT = "x-jubako-fault"
REQUESTS = "x-request-id"
"""The ids of the requests in a call: a runner logs them."""
MAX_REQUESTS = 256


def pack(batch: Batch) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a batch.

    >>> body, headers = pack(np.zeros((2, 3), np.float32))
    >>> len(body), headers[FORM]
    (24, '<f4 2,3')
    """
    form, body = batches.pack(batch)
    return body, {"content-type": MEDIA, FORM: form}


def unpack(body: bytes, headers: Mapping[str, str]) -> Batch:
    """The batch in a body. Raises ``NotABatch``."""
    return batches.unpack(headers.get(FORM, ""), body)


def outputs_of(body: bytes, headers: Mapping[str, str]) -> Outputs:
    """The outputs in a reply: always a float32 matrix."""
    array = unpack(body, headers)
    if array.dtype != np.float32 or array.ndim != 2:
        raise NotABatch("an answer must be a float32 matrix")
    return array
