"""The content of an error answer: the service's problem+json (RFC 9457), or a proxy's page."""

from __future__ import annotations

import html
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

#: How many characters of a proxy's page a message quotes.
QUOTED = 200


@dataclass(frozen=True, slots=True)
class RowError:
    """One wrong value: ``loc`` is its place, such as ``("inputs", 3, "petal_width")``; ``msg`` says what is wrong."""

    loc: tuple[str | int, ...]
    msg: str

    def __str__(self) -> str:
        return f"{'.'.join(str(step) for step in self.loc)}: {self.msg}"

    def shifted(self, first: int) -> RowError:
        """The same with its row number counted from ``first``.

        >>> str(RowError(("inputs", 3, "petal_width"), "missing").shifted(100))
        'inputs.103.petal_width: missing'
        """
        match self.loc:
            case ("inputs", int(place), *rest):
                return RowError(("inputs", place + first, *rest), self.msg)
        return self


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """An error answer. ``from_service`` is false if a proxy wrote it, or the client itself."""

    status: int
    title: str
    detail: str = ""
    type: str = "about:blank"
    request_id: str | None = None
    errors: tuple[RowError, ...] = ()
    retry_after: float | None = None
    from_service: bool = True


class _RowError(BaseModel):
    loc: tuple[str | int, ...] = ()
    msg: str = ""


class _Body(BaseModel):
    """Lenient: other members are ignored."""

    type: str = "about:blank"
    title: str | None = None
    detail: str | None = None
    request_id: str | None = None
    errors: tuple[_RowError, ...] = ()


def read_problem(status: int, headers: Mapping[str, str], content: bytes) -> ProblemDetails:
    headers = httpx.Headers(list(headers.items()))
    waiting = retry_after(headers.get("retry-after"))
    request_id = headers.get("x-request-id")
    if _media_type(headers) == "application/problem+json":
        try:
            body = _Body.model_validate_json(content)
        except ValidationError:
            pass
        else:
            return ProblemDetails(
                status=status,
                title=body.title or phrase(status),
                detail=body.detail or "",
                type=body.type,
                request_id=body.request_id or request_id,
                errors=tuple(RowError(item.loc, item.msg) for item in body.errors),
                retry_after=waiting,
            )
    detail = _quoted(content)
    return ProblemDetails(
        status, phrase(status), detail, request_id=request_id, retry_after=waiting, from_service=False
    )


def retry_after(value: str | None, now: float | None = None) -> float | None:
    """Seconds to wait, from a header that holds a number or a date.

    >>> retry_after("2"), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=45.0), retry_after("soon")
    (2.0, 15.0, None)
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now)
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def phrase(status: int) -> str:
    """
    >>> phrase(404), phrase(599)
    ('Not Found', 'Error')
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _media_type(headers: Mapping[str, Any]) -> str:
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def _quoted(content: bytes) -> str:
    """A page as one line of text: without tags, and not too long."""
    text = content[: 50 * QUOTED].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>|<[^>]*>", " ", text)
    text = " ".join(html.unescape(text).split())
    return text if len(text) <= QUOTED else text[:QUOTED] + " ..."
