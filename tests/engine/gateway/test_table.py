"""The quick reading of tables: never more generous than the careful one, and the same numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field, field_validator
from pydantic.fields import FieldInfo

from jubako.card import AnyCard, Row
from jubako.gateway.fast_json import FastJsonReader
from jubako.gateway.json_rows import JsonRows
from tests.five import CARDS, MODELS

MOST = 40
TABLES = {name: found for name, card in CARDS.items() if (found := FastJsonReader.of(card, MOST))}
CAREFUL = {name: JsonRows(CARDS[name], MOST) for name in TABLES}


def test_every_model_of_numbers_and_categories_is_read_this_way() -> None:
    assert set(TABLES) == {"iris", "housing", "churn"}


def agrees(name: str, body: bytes) -> bool:
    """Whether the quick reading took it; and then the careful one takes it too, for the same numbers."""
    packed, count = TABLES[name].read(body)
    if count:
        quick = TABLES[name].join([packed])
        np.testing.assert_array_equal(quick, MODELS[name].encode(CAREFUL[name].read(body)))
        assert len(quick) == count
    return count > 0


def bounds(info: FieldInfo) -> tuple[float, float]:
    names = ("gt", "ge", "lt", "le")
    found = [getattr(rule, name) for rule in info.metadata for name in names if hasattr(rule, name)]
    return min(found), max(found)


def good(card: AnyCard, column: str) -> st.SearchStrategy[Any]:
    info = card.row.model_fields[column]
    if get_origin(info.annotation) is Literal:
        return st.sampled_from(get_args(info.annotation))
    low, high = bounds(info)
    whole = st.integers(int(low) + 1, int(high) - 1)
    if info.annotation is int:
        return whole
    fractions = st.floats(low, high, exclude_min=True, width=64)
    return whole | fractions | st.none() if type(None) in get_args(info.annotation) else whole | fractions


def rows(card: AnyCard, count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({column: good(card, column) for column in card.columns})
    return st.lists(row, min_size=count, max_size=count)


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data(), count=st.sampled_from([1, 2, 5, MOST]))
def test_all_good_rows_are_read_in_any_order_of_their_keys(name: str, data: st.DataObject, count: int) -> None:
    sent = data.draw(rows(CARDS[name], count))
    order = data.draw(st.permutations(CARDS[name].columns))
    assert agrees(name, json.dumps({"inputs": [{column: row[column] for column in order} for row in sent]}).encode())


odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.lists(st.integers(), max_size=2),
    st.sampled_from(["Yes", "No", "1", 0, 1, 1.0]), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
def test_a_value_that_may_be_wrong_never_passes_alone(name: str, data: st.DataObject) -> None:
    row = dict(CARDS[name].examples[0])
    row[data.draw(st.sampled_from([*row, "extra"]))] = data.draw(odd)
    agrees(name, json.dumps({"inputs": [dict(CARDS[name].examples[1]), row]}).encode())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("value", [True, False, 1.0, 0.0, "1", 2, -1, 1e400, "x", None, [], {}, 10**30, 1e39, -0.0])
def test_each_field_with_a_value_of_another_kind(name: str, value: object) -> None:
    for column in CARDS[name].columns:
        agrees(name, json.dumps({"inputs": [{**CARDS[name].examples[0], column: value}]}).encode())


@pytest.mark.parametrize("name", TABLES)
def test_just_beyond_each_bound_and_just_within(name: str) -> None:
    card = CARDS[name]
    for column, info in card.row.model_fields.items():
        if get_origin(info.annotation) is Literal:
            continue
        for bound in bounds(info):
            near = [
                np.nextafter(bound, -np.inf),
                bound,
                np.nextafter(bound, np.inf),
                int(bound),
                int(bound) - 1,
                int(bound) + 1,
            ]
            for value in near:
                number = int(value) if isinstance(value, int) else float(value)
                agrees(name, json.dumps({"inputs": [{**card.examples[0], column: number}]}).encode())


#: What may stand in a body where something else stood.
PIECES = [*(bytes([byte]) for byte in b'01e.-+":,{}[] \\\x00\xff'), b"", b"null", b"NaN"]


@given(change=st.data())
def test_a_body_with_a_few_bytes_changed_is_never_read_more_generously(change: st.DataObject) -> None:
    name = change.draw(st.sampled_from(sorted(TABLES)))
    body = bytearray(json.dumps({"inputs": [dict(row) for row in CARDS[name].examples]}).encode())
    for _ in range(change.draw(st.integers(1, 3))):
        place = change.draw(st.integers(0, len(body) - 1))
        body[place : place + change.draw(st.integers(0, 2))] = change.draw(st.sampled_from(PIECES))
    agrees(name, bytes(body))


@given(body=st.binary(max_size=60))
@example(body=b"")
@example(body=b'\xef\xbb\xbf{"inputs": []}')
def test_bytes_of_any_kind_are_left_to_the_careful_reading(body: bytes) -> None:
    assert all(table.read(body) == (b"", 0) for table in TABLES.values())


def body(*given: str) -> bytes:
    return ('{"inputs": [' + ", ".join(given) + "]}").encode()


IRIS = json.dumps(CARDS["iris"].examples[0])


@pytest.mark.parametrize(
    "sent",
    [
        body(IRIS.replace("{", '{"sepal_length": 1.0, ', 1)),
        body(IRIS.replace("{", '{"sepal\\u005flength": 1.0, ', 1)),
        body(IRIS)[:-1] + b', "inputs": [' + IRIS.encode() + b"]}",
        body(IRIS)[:-1] + b', "more": 1}',
        body(IRIS.replace("}", ', "more": 1}')),
        body("{}"),
        body(),
        body(*[IRIS] * (MOST + 1)),
        body(IRIS) + b"x",
        body(IRIS).decode().encode("utf-16"),
        b"[" + IRIS.encode() + b"]",
        body(f"[{IRIS}]"),
    ],
)
def test_what_is_not_as_it_should_be_is_left_to_the_careful_reading(sent: bytes) -> None:
    assert TABLES["iris"].read(sent) == (b"", 0)


def card(**fields: Any) -> Any:
    """A card with these fields, as far as a table looks at it."""
    kind = type("Given", (Row,), {"__annotations__": fields})
    return type("Given", (), {"row": kind, "media": "json"})


@pytest.mark.parametrize(
    "kind",
    [
        str,
        Annotated[float, Field(ge=0)],
        Annotated[float, Field(ge=0, le=1, multiple_of=0.5)],
        Annotated[float, Field(ge=0, le=1), BeforeValidator(abs)],
        Annotated[Literal["a", "b"], BeforeValidator(str.lower)],
        Annotated[float | int, Field(ge=0, le=1)],
        Annotated[bool, Field(ge=0, le=1)],
        Literal["a", "b"] | None,
        Literal["a", 1],
        Literal[True, False],
        list[float],
    ],
)
def test_a_field_with_a_rule_that_is_not_known_here_is_left_to_the_careful_reading(kind: Any) -> None:
    assert FastJsonReader.of(card(known=Annotated[float, Field(ge=0, le=1)]), MOST)
    assert FastJsonReader.of(card(known=Annotated[float, Field(ge=0, le=1)], strange=kind), MOST) is None


def test_a_row_with_a_rule_of_its_own_is_left_to_the_careful_reading() -> None:
    class Own(Row):
        share: Annotated[float, Field(ge=0, le=1)]

        @field_validator("share")
        @classmethod
        def _half(cls, value: float) -> float:
            return value / 2

    assert FastJsonReader.of(type("Given", (), {"row": Own, "media": "json"}), MOST) is None  # type: ignore[arg-type]
