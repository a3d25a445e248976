"""``jubako predict`` reads files, texts and stdin, and says what to do if it cannot."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jubako.client.parsing import parse
from jubako.client.testing import MockService
from jubako.commands.predict import predict
from tests.engine.client.cards import CARDS, CUSTOMER, FLOWER, PNG, TABLES
from tests.fake_service import FakeService


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeService]:
    with FakeService(MockService(CARDS)) as service:
        yield service


def ask(fake: FakeService, *arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(predict, [*arguments, "--url", fake.url], input=stdin)


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def as_csv(card: Any) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["note", *card.columns])
    writer.writeheader()
    writer.writerows({"note": "mine", **example} for example in card.examples)
    return buffer.getvalue()


@pytest.mark.parametrize("card", TABLES, ids=lambda card: card.name)
def test_json_lines_lists_requests_and_csv_mean_the_same_rows(card: Any) -> None:
    rows = [dict(example) for example in card.examples]
    lines = "\n".join(json.dumps(row) for row in rows)
    for text in (json.dumps(rows), lines, json.dumps({"inputs": rows}), as_csv(card), "\ufeff" + as_csv(card)):
        assert parse(card, text) == rows


@pytest.mark.parametrize("card", TABLES, ids=lambda card: card.name)
def test_a_file_and_stdin_give_one_prediction_a_row(card: Any, fake: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(as_csv(card))
    whole = answered(ask(fake, card.name, str(file), "--output", "json"))
    assert len(whole["predictions"]) == 2
    assert whole["model"]["name"] == card.name
    piped = ask(fake, card.name, "--output", "jsonl", stdin=json.dumps(card.examples[0]))
    assert json.loads(piped.stdout)["id"].startswith(f"{card.name}:")


def test_texts_are_arguments_lines_or_files(fake: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "reviews.txt"
    file.write_text("one\n\ntwo\n")
    result = answered(ask(fake, "review", "good", str(file), "-", "--output", "json", stdin="text\nthree, four\n"))
    assert len(result["predictions"]) == 4


def test_pictures_are_paths_and_stdin(fake: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(PNG)
    result = answered(ask(fake, "photo", str(file), "-", "--output", "json", stdin=PNG))
    assert len(result["predictions"]) == 2


def test_the_table_shows_the_answers_and_the_version(fake: FakeService) -> None:
    result = ask(fake, "customer", "--json", json.dumps(CUSTOMER.examples[0]))
    assert result.exit_code == 0, result.output
    assert all(word in result.stdout for word in ("leaves", "probability", "customer:mock", "request"))


def test_a_long_table_says_how_much_it_leaves_out(fake: FakeService) -> None:
    result = ask(fake, "review", stdin="\n".join(f"text {place}" for place in range(60)))
    assert "and 10 more: --output json has all" in result.stdout


def test_bad_rows_are_listed_with_their_places(fake: FakeService) -> None:
    result = ask(fake, "flower", "--json", '[{"stem": "long"}]')
    assert result.exit_code == 1
    assert "inputs.0.stem: Input should be a valid number" in result.stderr


def test_a_cell_that_is_no_number_is_named_by_row_and_column(fake: FakeService) -> None:
    table = as_csv(FLOWER).replace("5.2", "5.2x")
    result = ask(fake, "flower", stdin=table)
    assert "inputs.1.petal" in result.stderr


def test_an_address_without_a_service_is_explained_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(predict, ["review", "hello", "--url", url])
    assert result.exit_code == 1
    assert f"no service answers at {url}" in result.stderr
    assert "make serve" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_key_is_explained_with_what_to_do() -> None:
    with FakeService(MockService(CARDS)) as locked:
        locked.mock.api_key = "right"
        without = ask(locked, "review", "hello")
        assert ask(locked, "review", "hello", "--api-key", "right").exit_code == 0
    assert without.exit_code == 1
    assert "--api-key or JUBAKO_API_KEY" in without.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "why"),
    [
        (["flower", "nowhere.json"], None, "there is no file nowhere.json"),
        (["flower", "--json", "{"], None, "neither JSON nor JSON lines"),
        (["flower", "-"], "a,b\n1,2\n", "no column stem"),
        (["flower", "-"], b"\xff\xfe\x00", "not UTF-8"),
        (["flower", "-"], "", "the CSV has no column"),
        (["photo", "--json", "{}"], None, "files by path"),
        (["roses"], None, "has no model roses; it has flower, customer, review, photo"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_no_traceback(
    arguments: list[str], stdin: str | bytes | None, why: str, fake: FakeService
) -> None:
    result = ask(fake, *arguments, stdin=stdin)
    assert result.exit_code in (1, 2)
    assert why in result.stderr
    assert not fake.mock.requests


def test_a_fault_of_the_service_names_the_request(fake: FakeService) -> None:
    with FakeService(MockService(CARDS)) as service:
        service.mock.fail(500)
        result = ask(service, "review", "hello")
    assert result.exit_code == 1
    assert "500" in result.stderr
    assert "request " in result.stderr
