"""Reading a body: rows, or a problem that blames the caller for nothing that is ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubako.gateway.forms import FormFiles
from jubako.gateway.json_rows import JsonRows
from jubako.gateway.problems import InvalidRowsProblem, Problem
from tests.five import CARDS

JSON_CARDS = [name for name, card in CARDS.items() if card.media == "json"]
READERS = {name: JsonRows(CARDS[name], 100) for name in JSON_CARDS}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def blames_the_caller(read: Callable[[], object]) -> bool:
    """Whether this reads, or ends in a problem that is the caller's."""
    try:
        read()
    except Problem as problem:
        return 400 <= problem.status < 500
    return True


@pytest.mark.parametrize("name", JSON_CARDS)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_problem_of_the_caller(name: str, body: bytes) -> None:
    assert blames_the_caller(lambda: READERS[name].read(body))


@pytest.mark.parametrize("name", JSON_CARDS)
@given(data=st.data())
def test_a_row_with_any_value_in_any_field_is_read_or_refused(name: str, data: st.DataObject) -> None:
    row: dict[str, Any] = dict(CARDS[name].examples[0])
    row[data.draw(st.sampled_from([*row, "extra"]))] = data.draw(values)
    body = json.dumps({"inputs": [row]}).encode()
    assert blames_the_caller(lambda: READERS[name].read(body))


@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_texts_with_escapes_and_quotes_are_read_as_they_were_written(text: str) -> None:
    for escaped in (True, False):
        body = json.dumps({"inputs": [{"text": text}]}, ensure_ascii=escaped).encode()
        try:
            assert READERS["sentiment"].read(body)[0].text == text
        except InvalidRowsProblem:
            assert not text.strip() or "\x00" in text


def test_a_text_that_looks_like_keys_is_no_repeated_key() -> None:
    text = '"text" "inputs" "text": "text"'
    assert READERS["sentiment"].read(json.dumps({"inputs": [{"text": text}]}).encode())[0].text == text
    assert READERS["sentiment"].read(b'{"inputs": [{"text": "text"}]}')[0].text == "text"


@given(body=st.binary(max_size=300))
def test_any_bytes_are_files_or_a_problem_of_the_caller(body: bytes) -> None:
    form = FormFiles(10, 1_000_000)
    for content in (body, b"--x\r\n" + body, b'--x\r\nContent-Disposition: form-data; name="inputs"\r\n\r\n' + body):
        assert blames_the_caller(lambda content=content: form.read(content, b"multipart/form-data; boundary=x"))
