"""Reads card rows from a JSON body; a problem names each bad row and field and what would be right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Generic

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from jubako.card import Card, RowT
from jubako.gateway.problems import FieldError, InvalidRowsProblem, MalformedProblem, MediaTypeProblem, TooLargeProblem

#: Messages that replace pydantic's where those say too little.
MESSAGES = {
    "extra_forbidden": "this field does not exist; remove it or check its spelling",
    "missing": "this field is required",
    "finite_number": "must be a finite number: NaN and Infinity are not values",
}


class JsonRows(Generic[RowT]):
    """Reads ``{"inputs": [row, ...]}`` for one card."""

    media_type = "application/json"

    def __init__(self, card: Card[RowT, Any], max_rows: int) -> None:
        self._max_rows = max_rows
        self._columns = len(card.columns)
        if not all(field.is_required() for field in card.row.model_fields.values()):
            raise TypeError(f"{card.name}: an optional field could hide a repeated key; make it required")
        request: type[BaseModel] = create_model(
            f"{card.name.title()}Request",
            __config__=ConfigDict(extra="forbid"),
            inputs=(list[card.row], Field(min_length=1, max_length=max_rows)),  # type: ignore[name-defined]
        )
        self._validate = TypeAdapter(request).validate_json
        self.check_media = check_json

    def read(self, body: bytes) -> list[RowT]:
        if not body:
            raise MalformedProblem('the body is empty; send {"inputs": [...]}')
        try:
            rows: list[RowT] = self._validate(body).inputs  # type: ignore[attr-defined]
        except ValidationError as error:
            raise _rejected(error, self._max_rows) from None
        # Every key is present, so a repeated key is one colon too many, even when it is escaped.
        if body.count(b":") != len(rows) * self._columns + 1:
            _refuse_repeated_keys(body)
        return rows


def check_json(content_type: bytes) -> None:
    """Raises when a body is not JSON in UTF-8."""
    if content_type == b"application/json":
        return
    kind, _, parameters = content_type.partition(b";")
    if kind.strip().lower() != b"application/json":
        raise MediaTypeProblem("send JSON with `Content-Type: application/json`")
    charset = parameters.strip().lower()
    if charset.startswith(b"charset=") and charset[8:].strip(b'"') not in (b"utf-8", b"utf8", b"us-ascii"):
        raise MediaTypeProblem("JSON is UTF-8; no other charset is read")


def rejected_arguments(error: ValidationError, names: Sequence[str]) -> Exception:
    """The same errors for an own route: ``loc`` begins with an argument's name."""
    found = _found(error)
    if isinstance(found, MalformedProblem):
        return found
    errors = [FieldError(item["loc"] or [*names[:1]], MESSAGES.get(item["type"], item["msg"])) for item in found]
    return InvalidRowsProblem(f"{len(errors)} value(s) do not fit; see errors", errors)


def _found(error: ValidationError) -> list[dict[str, Any]] | MalformedProblem:
    """Pydantic's errors. Through JSON: for ten thousand, that is ten times faster than making Python objects."""
    found: list[dict[str, Any]] = orjson.loads(error.json(include_url=False, include_context=True, include_input=False))
    if found[0]["type"] == "json_invalid":
        return MalformedProblem(f"the body is not valid JSON: {found[0]['ctx']['error']}")
    return found


def _rejected(error: ValidationError, max_rows: int) -> Exception:
    found = _found(error)
    if isinstance(found, MalformedProblem):
        return found
    first = found[0]
    if first["type"] == "too_long" and first["loc"] == ["inputs"]:
        return TooLargeProblem(f"one request may have {max_rows} rows; split it")
    errors = [FieldError(item["loc"], MESSAGES.get(item["type"], item["msg"])) for item in found]
    rows = len({item["loc"][1] for item in found if len(item["loc"]) > 1})
    detail = f"{rows} row(s) do not fit" if rows else 'the body must be {"inputs": [row, ...]}'
    return InvalidRowsProblem(f"{detail}; see errors", errors)


def _refuse_repeated_keys(body: bytes) -> None:
    """Parsers disagree about which value of a repeated key counts, so it is an error here.

    Called only when there are more colons than keys, which a text value can also cause.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in items]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise MalformedProblem(f"the key {twice!r} stands twice in one object")
        return dict(items)

    json.loads(body, object_pairs_hook=pairs)


def encoded_errors(complaints: dict[int, str], where: str = "inputs") -> InvalidRowsProblem:
    """Errors of a model's ``encode``, in the same form as those of the rows."""
    errors = [FieldError([where, row], why) for row, why in sorted(complaints.items())]
    return InvalidRowsProblem(f"{len(errors)} row(s) do not fit; see errors", errors)
