"""Rows from JSON, JSON lines, CSV, lines of text, paths of files, and stdin: what a command line gets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jubako.client.errors import InputRefused
from jubako.client.schema import AnySchema, float_columns, integer_columns, is_text

#: For a model of texts, an argument with one of these endings is a file; any other is a text itself.
ENDINGS = {".json", ".jsonl", ".ndjson", ".csv", ".txt"}


def rows_from(schema: AnySchema, arguments: Iterable[str], stdin: BinaryIO) -> list[Any]:
    """The rows that the arguments name: files, ``-`` for stdin, or texts."""
    rows: list[Any] = []
    for argument in arguments:
        if schema.media == "files":
            rows.append(stdin.read() if argument == "-" else _existing(argument))
        elif argument == "-":
            rows += parse(schema, _text(stdin.read(), "stdin"))
        elif is_text(schema) and Path(argument).suffix.lower() not in ENDINGS:
            rows.append(argument)
        else:
            rows += parse(schema, _text(_existing(argument).read_bytes(), argument))
    return rows


def parse(schema: AnySchema, text: str) -> list[Any]:
    """Rows in any of the formats; the first character tells JSON from the others."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        return _json_rows(text)
    if is_text(schema) and not _has_header(schema, text):
        return [line for line in text.splitlines() if line.strip()]
    return _csv_rows(schema, text)


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


def _csv_rows(schema: AnySchema, text: str) -> list[Any]:
    """As with a frame, other columns (an id, the truth) are not sent; an empty cell is null."""
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in schema.columns if name not in (table.fieldnames or ())]
    if missing:
        raise InputRefused(f"the CSV has no column {', '.join(missing)}; its first line must name the columns")
    whole, numbers = integer_columns(schema), float_columns(schema)
    return [{name: _cell(row[name] or "", name in whole, name in numbers) for name in schema.columns} for row in table]


def _cell(text: str, whole: bool, number: bool) -> Any:
    """A cell as the column's type. What is not a number stays text: the service names its row and column."""
    if not text.strip():
        return None
    try:
        return int(text) if whole else float(text) if number else text
    except ValueError:
        return text


def _has_header(schema: AnySchema, text: str) -> bool:
    return schema.columns[0] in next(csv.reader(io.StringIO(text)), [])


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
