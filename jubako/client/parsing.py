"""Rows from what people have at hand: JSON, JSON lines, CSV, plain lines of text, pictures by path, and stdin."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, get_args

from jubako.card import AnyCard
from jubako.client.errors import InputRefused
from jubako.client.rows import integer_columns

#: For a model that reads texts, an argument that ends so is a file; any other is a text itself.
ENDINGS = {".json", ".jsonl", ".ndjson", ".csv", ".txt"}


def rows_from(card: AnyCard, arguments: Iterable[str], stdin: BinaryIO) -> list[Any]:
    """What the arguments name: files, ``-`` for stdin, pictures, or texts."""
    rows: list[Any] = []
    for argument in arguments:
        if card.media == "files":
            rows.append(stdin.read() if argument == "-" else _existing(argument))
        elif argument == "-":
            rows += parse(card, _text(stdin.read(), "stdin"))
        elif _reads_texts(card) and Path(argument).suffix.lower() not in ENDINGS:
            rows.append(argument)
        else:
            rows += parse(card, _text(_existing(argument).read_bytes(), argument))
    return rows


def parse(card: AnyCard, text: str) -> list[Any]:
    """Rows in any of the formats; the first character tells JSON from the rest."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        return _json_rows(text)
    if _reads_texts(card) and not _has_header(card, text):
        return [line for line in text.splitlines() if line.strip()]
    return _csv_rows(card, text)


def _json_rows(text: str) -> list[Any]:
    """One row, a list of rows, the body that a predict route takes, or one row a line."""
    try:
        content = json.loads(text)
    except ValueError as whole_error:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise InputRefused(f"this is neither JSON nor JSON lines: {whole_error}") from whole_error
    if isinstance(content, Mapping) and isinstance(content.get("inputs"), list):
        content = content["inputs"]
    return content if isinstance(content, list) else [content]


def _csv_rows(card: AnyCard, text: str) -> list[Any]:
    """Like a frame: other columns (an id, the truth) stay behind; an empty cell is null."""
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in card.columns if name not in (table.fieldnames or ())]
    if missing:
        raise InputRefused(f"the CSV has no column {', '.join(missing)}; its first line must name the columns")
    whole, numbers = integer_columns(card), _float_columns(card)
    return [{name: _cell(row[name] or "", name in whole, name in numbers) for name in card.columns} for row in table]


def _cell(text: str, whole: bool, number: bool) -> Any:
    """A cell as the card wants it; what is not a number stays text, and the service says so by row and column."""
    if not text.strip():
        return None
    try:
        return int(text) if whole else float(text) if number else text
    except ValueError:
        return text


def _float_columns(card: AnyCard) -> set[str]:
    fields = card.row.model_fields.items()
    return {name for name, field in fields if float in (field.annotation, *get_args(field.annotation))}


def _reads_texts(card: AnyCard) -> bool:
    return card.media == "json" and card.columns == ("text",)


def _has_header(card: AnyCard, text: str) -> bool:
    return card.columns[0] in next(csv.reader(io.StringIO(text)), [])


def _existing(argument: str) -> Path:
    path = Path(argument)
    if not path.is_file():
        raise InputRefused(f"there is no file {argument}")
    return path


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputRefused(f"{name} is not UTF-8 text") from error
