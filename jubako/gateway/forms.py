"""Reads the files of a multipart form: parts named ``inputs``. No path is opened, no URL fetched, nothing spooled."""

from __future__ import annotations

from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from jubako.gateway.problems import FieldError, InvalidRowsProblem, MalformedProblem, MediaTypeProblem, TooLargeProblem

FIELD = "inputs"


class FormFiles:
    media_type = "multipart/form-data"

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes

    def check_media(self, content_type: bytes) -> None:
        kind, options = parse_options_header(content_type)
        if kind.lower() != b"multipart/form-data" or not options.get(b"boundary"):
            raise MediaTypeProblem(f"send files as multipart/form-data, one or more parts named {FIELD!r}")

    def read(self, body: bytes, content_type: bytes) -> list[bytes]:
        if not body:
            raise MalformedProblem("the form is empty")
        boundary = parse_options_header(content_type)[1][b"boundary"]
        parts = _Parts(self._max_rows, self._max_bytes)
        try:
            parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
            parser.write(body)
            parser.finalize()
        except FormParserError as error:
            raise MalformedProblem(f"the form is broken: {error}") from None
        if not parts.ended:
            raise MalformedProblem("the form is cut off: its closing boundary is missing")
        if parts.errors:
            raise InvalidRowsProblem(f"{len(parts.errors)} part(s) do not fit; see errors", parts.errors)
        if not parts.files:
            raise InvalidRowsProblem(f"the form has no file named {FIELD!r}", [FieldError([FIELD], "no file was sent")])
        return parts.files


class _Parts:
    """Collects the parser's callbacks into whole files."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self.files: list[bytes] = []
        self.errors: list[FieldError] = []
        self.ended = False
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._data = bytearray()

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._headers = {}
        self._data = bytearray()

    def _header(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        place = len(self.files)
        if name != FIELD:
            self.errors.append(FieldError([name or "form"], f"unknown part; files must be named {FIELD!r}"))
        elif b"filename" not in options:
            self.errors.append(FieldError([FIELD, place], "must be a file; texts, addresses and paths are not opened"))
        elif len(self._data) > self._max_bytes:
            self.errors.append(FieldError([FIELD, place], f"the file is larger than {self._max_bytes} bytes"))
        if place >= self._max_rows:
            raise TooLargeProblem(f"one request may have {self._max_rows} files; split it")
        self.files.append(bytes(self._data))

    def _finish(self) -> None:
        self.ended = True
