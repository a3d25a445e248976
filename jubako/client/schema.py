"""What the client knows of a model: its card, or what the service publishes about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, Protocol, TypeAlias, TypeVar, get_args, get_origin

from pydantic import ConfigDict, Field, create_model

from jubako import collection, home
from jubako.card import AnyCard, Batching, Prediction, Row
from jubako.client.facts import ModelFacts

RowT_co = TypeVar("RowT_co", covariant=True)
PredictionT_co = TypeVar("PredictionT_co", bound=Prediction, covariant=True)


class ModelSchema(Protocol[RowT_co, PredictionT_co]):
    """The part of a card that a request needs. Every ``Card`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def row(self) -> type[RowT_co]: ...
    @property
    def prediction(self) -> type[PredictionT_co]: ...
    @property
    def media(self) -> Literal["json", "files"]: ...
    @property
    def batching(self) -> Batching: ...
    @property
    def columns(self) -> tuple[str, ...]: ...


AnySchema: TypeAlias = ModelSchema[Any, Any]


class OpenPrediction(Prediction):
    """The prediction of a model without a card here: what the service answers, as attributes."""

    model_config = ConfigDict(frozen=True, extra="allow")


@dataclass(frozen=True, slots=True)
class PublishedSchema:
    """A model as the service describes it: the client needs none of its code."""

    name: str
    row: type[Row]
    media: Literal["json", "files"]
    batching: Batching
    prediction: type[Prediction] = OpenPrediction

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.row.model_fields)


def local_card(name: str) -> AnyCard | None:
    """The card in ``bentos/NAME/card.py`` of the repository around the working folder, if there is one."""
    if not (home.repository() / collection.MODELS / name / "card.py").is_file():
        return None
    return collection.here().cards.get(name)


def published_schema(facts: ModelFacts) -> PublishedSchema:
    required = facts.row_schema.get("required", ())
    fields: dict[str, Any] = {
        name: (_annotation(schema), ... if name in required else schema.get("default"))
        for name, schema in facts.row_schema.get("properties", {}).items()
    }
    row: type[Row] = create_model(f"{facts.name.title()}Row", __base__=Row, **fields)
    return PublishedSchema(facts.name, row, facts.media, Batching(facts.max_rows))


_TYPES: Mapping[Any, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}
_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}


def _annotation(schema: Mapping[str, Any]) -> Any:
    """The Python type of a JSON schema: scalars, choices and limits. Any other schema is left to the service.

    >>> _annotation({"anyOf": [{"type": "integer"}, {"type": "null"}]}), _annotation({"enum": ["a", "b"]})
    (int | None, typing.Literal['a', 'b'])
    """
    members = schema.get("anyOf", [schema])
    values = [member for member in members if member.get("type") != "null"]
    found = reduce(or_, map(_type, members))
    limits = {_LIMITS[name]: value for name, value in values[0].items() if name in _LIMITS} if len(values) == 1 else {}
    return Annotated[found, Field(**limits)] if limits else found


def _type(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema or "const" in schema:
        return Literal[tuple(schema.get("enum", (schema.get("const"),)))]
    return _TYPES.get(schema.get("type"), Any)


def integer_columns(schema: AnySchema) -> set[str]:
    """The columns of whole numbers: a float column of a data frame cannot say so itself."""
    fields = schema.row.model_fields.items()
    return {name for name, field in fields if _is_integer(field.annotation)}


def _is_integer(annotation: Any) -> bool:
    values = get_args(annotation)
    if get_origin(annotation) is Literal:
        return all(isinstance(value, int) for value in values)
    return int in (annotation, *values) and float not in values


def float_columns(schema: AnySchema) -> set[str]:
    fields = schema.row.model_fields.items()
    return {name for name, field in fields if float in (field.annotation, *get_args(field.annotation))}


def is_text(schema: AnySchema) -> bool:
    """Whether a row is one text."""
    fields = list(schema.row.model_fields.values())
    return schema.media == "json" and len(fields) == 1 and fields[0].annotation is str
