"""One type of batch for every model: rows are taken and joined alike, and travel without pickle."""

from __future__ import annotations

import numpy as np
import pytest

from jubako.batch import NotABatch, concat, given, of_texts, pack, size, unpack
from jubako.models import Batch

BATCHES = {
    "numbers": np.arange(12, dtype=np.float32).reshape(4, 3),
    "bytes": np.arange(8, dtype=np.uint8).reshape(4, 2),
    "texts": of_texts(["good", "", "D\u00e9j\u00e0 vu \U0001f600", "x" * 5_000]),
}
EACH = pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)


@EACH
def test_a_slice_a_mask_and_places_take_rows_of_any_batch(batch: Batch) -> None:
    places = np.array([3, 1])
    assert np.array_equal(concat([batch[3:], batch[1:2]]), batch[places])
    assert np.array_equal(batch[np.array([True, False, False, True])], batch[[0, 3]])
    assert len(batch[:0]) == 0


@EACH
def test_any_batch_arrives_as_it_was_sent(batch: Batch) -> None:
    arrived = unpack(*pack(batch))
    assert np.array_equal(arrived, batch)
    assert arrived.dtype == batch.dtype


@EACH
def test_a_single_batch_is_not_copied(batch: Batch) -> None:
    assert concat([batch]) is batch
    assert given(batch) is batch


def test_a_list_of_texts_from_a_direct_caller_becomes_a_batch() -> None:
    assert np.array_equal(given(["a", "b"]), of_texts(["a", "b"]))


def test_no_texts_are_a_batch_too() -> None:
    assert unpack(*pack(of_texts([]))).shape == (0,)


def test_the_size_of_texts_is_their_length_not_that_of_their_addresses() -> None:
    assert size(of_texts(["ab", "cde"])) == 5
    assert size(np.zeros((2, 3), np.float32)) == 24


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("|O8 1", bytes(8)),
        ("", b""),
        ("<f4 2,3", bytes(20)),
        ("<f4 two", bytes(8)),
        ("texts", b'["good", 1]'),
        ("texts", b'{"a": "b"}'),
        ("texts", b"\x80\x04"),
    ],
)
def test_bytes_that_are_not_what_they_say_are_refused(form: str, body: bytes) -> None:
    with pytest.raises(NotABatch):
        unpack(form, body)
