"""A client without the cards reads from the service's facts what a request needs."""

from __future__ import annotations

import json

import pytest

from jubako.batching import RunnerStatus
from jubako.client import ModelFacts
from jubako.client.schema import float_columns, integer_columns, is_text, published_schema
from jubako.gateway.facts import model_facts
from tests.five import CARDS


@pytest.mark.parametrize("name", CARDS)
def test_the_facts_of_a_model_are_a_schema_for_the_client(name: str) -> None:
    card = CARDS[name]
    facts = json.loads(json.dumps(model_facts(card, RunnerStatus(ready=True))))
    schema = published_schema(ModelFacts.model_validate(facts))
    assert (schema.columns, schema.media, schema.batching.max_rows) == (
        card.columns,
        card.media,
        card.batching.max_rows,
    )
    assert is_text(schema) == is_text(card)
    assert integer_columns(schema) == integer_columns(card)
    assert float_columns(schema) == float_columns(card)
    for example in facts["examples"]:
        schema.row.model_validate(example)
