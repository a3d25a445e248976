"""The OpenAPI document at ``/docs.json``, made from the cards, with examples that work as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from jubako.answer import Answer
from jubako.card import AnyCard
from jubako.collection import Collection
from jubako.gateway.own_routes import OwnRoute, example
from jubako.gateway.rollouts import DECISIONS, LONGEST_WHY

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:jubako:problem:rows-rejected"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg"],
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                },
            },
        },
    },
}
PROBLEMS = {
    "400": "The body cannot be read",
    "401": "API keys are on and none that is known was sent",
    "413": "The body is too large, or has too many rows",
    "415": "The body has the wrong media type",
    "422": "Some values do not fit; every bad row and field is listed",
    "429": "The key's quota of rows, or its share of the queue, is used; try again after Retry-After seconds",
    "500": "The service failed",
    "503": "Overloaded or not ready; try again after Retry-After seconds",
    "504": "No answer within the deadline",
}
FACTS = {
    "/v1/models": ("All models and which version of each serves", ()),
    "/v1/models/{name}": ("One model: stages, versions, history, schemas", ("name",)),
    "/v1/models/{name}/rollout": ("The latest rollout: step, arms, evidence, decision; and all decisions", ("name",)),
    "/v1/models/{name}/versions/{version}": ("The manifest of one version", ("name", "version")),
}
REF = "#/components/schemas/{model}"


def describe(collection: Collection, own: Sequence[OwnRoute], description: str) -> dict[str, Any]:
    written = {route.path for route in own}
    cards = [card for card in collection.cards.values() if f"/v1/{card.name}/predict" not in written]
    answers = {card.name: Answer[card.prediction] for card in cards}  # type: ignore[name-defined]
    models: list[tuple[type[BaseModel], Any]] = []
    for card in cards:
        models += [(card.row, "validation"), (answers[card.name], "serialization")]
    refs, definitions = models_json_schema(models, ref_template=REF) if models else ({}, {"$defs": {}})
    paths: dict[str, Any] = {}
    for card in cards:
        row, answer = refs[(card.row, "validation")], refs[(answers[card.name], "serialization")]
        paths[f"/v1/{card.name}/predict"] = {"post": _predict(card, row, answer)}
    schemas = dict(definitions.get("$defs", {}))
    examples = {card.row: card.examples[0] for card in collection.cards.values()}
    for route in own:
        paths[route.path] = {"post": _own(route, example(route, examples), schemas)}
    for path, (summary, parameters) in FACTS.items():
        paths[path] = {"get": _fact(summary, parameters)}
    paths["/v1/models/{name}/rollout/{decision}"] = {"post": _decision()}
    return {
        "openapi": "3.1.0",
        "info": {"title": collection.name.title(), "version": "1", "description": description},
        "servers": [{"url": "."}],
        "security": [{}, {"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _own(route: OwnRoute, example: dict[str, Any] | None, schemas: dict[str, Any]) -> dict[str, Any]:
    """An own route; its definitions are added to ``schemas``."""
    request = route.arguments.model_json_schema(ref_template=REF)
    response = route.result.json_schema(ref_template=REF, mode="serialization")
    for schema in (request, response):
        schemas.update(schema.pop("$defs", {}))
    content: dict[str, Any] = {"schema": request, **({"example": example} if example else {})}
    return {
        "summary": route.summary.splitlines()[0],
        "operationId": route.name,
        "tags": ["routes"],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The answer",
                "headers": _headers("X-Request-ID", "X-Model", "Server-Timing"),
                "content": {"application/json": {"schema": response}},
            },
            **_problems(PROBLEMS),
        },
    }


def _predict(card: AnyCard, row: Any, answer: Any) -> dict[str, Any]:
    return {
        "summary": card.title,
        "operationId": card.name,
        "tags": ["predict"],
        "requestBody": {"required": True, "content": _json_body(card, row) if card.media == "json" else _file_body()},
        "responses": {
            "200": {
                "description": "One prediction for each input, in order",
                "headers": _headers("X-Request-ID", "X-Model", "Server-Timing"),
                "content": {"application/json": {"schema": answer}},
            },
            **_problems(PROBLEMS),
        },
    }


def _json_body(card: AnyCard, row: Any) -> dict[str, Any]:
    rows = {"type": "array", "minItems": 1, "items": row}
    schema = {"type": "object", "required": ["inputs"], "properties": {"inputs": rows}, "additionalProperties": False}
    return {"application/json": {"schema": schema, "example": {"inputs": [dict(row) for row in card.examples]}}}


def _file_body() -> dict[str, Any]:
    files = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "contentMediaType": "image/png", "format": "binary"},
    }
    schema = {"type": "object", "required": ["inputs"], "properties": {"inputs": files}, "additionalProperties": False}
    return {"multipart/form-data": {"schema": schema}}


def _fact(summary: str, parameters: tuple[str, ...]) -> dict[str, Any]:
    return {
        "summary": summary,
        "tags": ["facts"],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in parameters
        ],
        "responses": {
            "200": {"description": "Facts", "content": {"application/json": {"schema": {"type": "object"}}}},
            **_problems({"401": PROBLEMS["401"], "404": "There is no such thing"}),
        },
    }


def _decision() -> dict[str, Any]:
    why = {"type": "string", "minLength": 1, "maxLength": LONGEST_WHY, "pattern": r"\S"}
    schema = {"type": "object", "required": ["why"], "properties": {"why": why}, "additionalProperties": False}
    fact = _fact("Decide on a rollout; only while API keys are on, in the key's name", ("name", "decision"))
    fact["parameters"][1]["schema"] = {"type": "string", "enum": list(DECISIONS)}
    problems = {**PROBLEMS, "404": "No such thing, or API keys are off", "409": "The rollout is not in such a state"}
    return {
        **fact,
        "tags": ["rollout"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            **fact["responses"],
            **_problems({status: problems[status] for status in ("400", "401", "404", "409", "413", "422")}),
        },
    }


def _problems(statuses: dict[str, str]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}}
    return {status: {"description": words, "content": content} for status, words in statuses.items()}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in names}
