"""Everything that may be wrong with a JSON body, as a table: what is sent, and what must be said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bentos.sentiment.card import MAX_CHARACTERS
from jubako.card import AnyCard
from jubako.settings import LimitSettings
from tests.five import CARDS

JSON = "application/json"
LIMITS = LimitSettings()


@dataclass(frozen=True)
class Bad:
    """``loc`` is where the first error must point; ``says`` must stand in the answer."""

    name: str
    model: str
    body: bytes
    status: int
    loc: tuple[str | int, ...] | None = None
    says: str = ""
    content_type: str | None = JSON


def good_row(model: str) -> dict[str, Any]:
    return json.loads(json.dumps(dict(CARDS[model].examples[0])))  # type: ignore[no-any-return]


def rows_body(*rows: Any) -> bytes:
    return json.dumps({"inputs": list(rows)}).encode()


def cases() -> Iterator[Bad]:
    yield from whole_bodies()
    for card in CARDS.values():
        if card.media == "json":
            yield from shapes(card)
            yield from fields(card)
    yield from churn_values()
    yield from texts()
    yield from numbers()
    yield from media_types()


def whole_bodies() -> Iterator[Bad]:
    good = rows_body(good_row("iris"))
    for name, body in {
        "empty": b"",
        "white space": b"  \n ",
        "not JSON": b"hello",
        "half of it": good[:20],
        "with a byte-order mark": b"\xef\xbb\xbf" + good,
        "in UTF-16": good.decode().encode("utf-16"),
        "not UTF-8": b'{"inputs": [{"\xff": 1}]}',
        "two documents": good + good,
        "a lone surrogate": b'{"inputs": [{"sepal_length": "\\ud800"}]}',
        "nested 2,000 deep": b'{"inputs": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        "a trailing comma": b'{"inputs": [1,]}',
        "single quotes": b"{'inputs': []}",
        "a NUL": b'{"inputs": \x00}',
        "hexadecimal": b'{"inputs": [{"sepal_length": 0x10}]}',
        "a key twice": good.replace(b'"sepal_length"', b'"sepal_length": 9, "sepal_length"'),
        "a key twice, once escaped": good.replace(b'"sepal_length"', b'"sepal_\\u006cength": 9, "sepal_length"'),
        "inputs twice": good.replace(b'"inputs"', b'"inputs": [], "inputs"'),
    }.items():
        yield Bad(f"body: {name}", "iris", body, 400)


def shapes(card: AnyCard) -> Iterator[Bad]:
    model, row = card.name, good_row(card.name)
    for name, body in {
        "null": b"null",
        "a list": b"[]",
        "a number": b"1",
        "a text": b'"inputs"',
        "no inputs": b"{}",
        "another key": b'{"input": []}',
        "an extra key": json.dumps({"inputs": [row], "extra": 1}).encode(),
        "inputs null": b'{"inputs": null}',
        "inputs an object": json.dumps({"inputs": row}).encode(),
        "no rows": b'{"inputs": []}',
    }.items():
        yield Bad(f"{model}: {name}", model, body, 422)
    for name, bad in {"null": None, "a list": [1], "a number": 3, "a text": "x", "empty": {}}.items():
        yield Bad(f"{model}: the second row {name}", model, rows_body(row, bad), 422, ("inputs", 1))
    yield Bad(f"{model}: one row too many", model, rows_body(*[row] * (LIMITS.rows + 1)), 413, says=str(LIMITS.rows))


def fields(card: AnyCard) -> Iterator[Bad]:
    model, row = card.name, good_row(card.name)
    yield Bad(f"{model}: unknown field", model, rows_body({**row, "shoe_size": 1}), 422, ("inputs", 0, "shoe_size"))
    for name in row:
        rest = {key: value for key, value in row.items() if key != name}
        yield Bad(f"{model}: without {name}", model, rows_body(row, rest), 422, ("inputs", 1, name), "required")
        for kind, value in {"list": [1], "object": {"a": 1}}.items():
            yield Bad(f"{model}: {name} a {kind}", model, rows_body({**row, name: value}), 422, ("inputs", 0, name))
        wrong = 1 if isinstance(row[name], str) else "1"
        yield Bad(f"{model}: {name} of another type", model, rows_body({**row, name: wrong}), 422, ("inputs", 0, name))
        yield Bad(f"{model}: {name} a boolean", model, rows_body({**row, name: True}), 422, ("inputs", 0, name))


def churn_values() -> Iterator[Bad]:
    row = good_row("churn")
    for name, value in {
        "gender": "female",
        "contract": "Weekly",
        "senior_citizen": 2,
        "tenure_months": -1,
        "payment_method": "",
        "multiple_lines": "Maybe",
        "monthly_charges": -0.01,
    }.items():
        bad = {**row, name: value}
        yield Bad(f"churn: {name} = {value!r}", "churn", rows_body(bad), 422, ("inputs", 0, name), "Input should be")
    yield Bad(
        "churn: tenure in parts", "churn", rows_body({**row, "tenure_months": 1.5}), 422, ("inputs", 0, "tenure_months")
    )


def texts() -> Iterator[Bad]:
    for name, text in {
        "nothing": "",
        "spaces": "   ",
        "line breaks and tabs": "\n\t\r\n",
        "only a no-break space": "\u00a0",
        "a NUL inside": "good\x00bad",
        "one character too long": "x" * (MAX_CHARACTERS + 1),
        "a megabyte": "word " * 200_000,
    }.items():
        yield Bad(f"sentiment: {name}", "sentiment", rows_body({"text": text}), 422, ("inputs", 0, "text"))


def numbers() -> Iterator[Bad]:
    row = good_row("iris")
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400, "-1", "0", "100.0001", "null"):
        body = rows_body({**row, "petal_width": "@"}).replace(b'"@"', value.encode())
        yield Bad(f"iris: petal_width = {value[:12]}", "iris", body, 422, ("inputs", 0, "petal_width"))
    house = good_row("housing")
    for name, value in {"latitude": 50.0, "longitude": -100.0, "average_rooms": 0.0, "house_age": -1.0}.items():
        yield Bad(f"housing: {name} = {value}", "housing", rows_body({**house, name: value}), 422, ("inputs", 0, name))


def media_types() -> Iterator[Bad]:
    good = rows_body(good_row("iris"))
    for kind in (
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.bentoml+pickle",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
    ):
        yield Bad(f"media type {kind!r}", "iris", good, 415, content_type=kind)
    yield Bad("JSON where files belong", "image", rows_body({"data": "aGk="}), 415)
    yield Bad("a body over the limit", "iris", b" " * (LIMITS.body_bytes + 1), 413, says=str(LIMITS.body_bytes))
