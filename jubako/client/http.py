"""HTTP requests and answers without I/O: for both clients and the load tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from jubako.client.errors import AnswerUnreadable, ConnectionFailed, InputRefused, RequestError, Timeout, answer_error
from jubako.client.problems import read_problem

#: A connection that takes longer is not slow but dropped (by a firewall, say); a retry may reach another host.
CONNECT_SECONDS = 5.0

T = TypeVar("T")
FactsT = TypeVar("FactsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, which may be sent again, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    """Raises an ``AnswerError`` for an error answer."""
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0


def new_id() -> str:
    return uuid.uuid4().hex


def path(*steps: str) -> str:
    """
    >>> path("models", "iris", "versions", "a/b")
    '/v1/models/iris/versions/a%2Fb'
    """
    return "/v1/" + "/".join(quote(step, safe="") for step in steps)


def json_body(content: Any) -> bytes:
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputRefused("a text holds half of a surrogate pair, which cannot be sent as UTF-8") from error
    except (TypeError, ValueError) as error:
        raise InputRefused(f"this cannot be sent as JSON: {error}") from error


def multipart_body(field_name: str, files: Sequence[tuple[str, bytes, str]]) -> tuple[bytes, str]:
    """The body and its content type, for files as (name, content, media type)."""
    request = httpx.Request("POST", "http://body", files=[(field_name, file) for file in files])
    return request.read(), request.headers["content-type"]


def success(reply: httpx.Response) -> bytes:
    """The body of an answer that is not an error."""
    if 200 <= reply.status_code < 300:
        return reply.content
    raise answer_error(read_problem(reply.status_code, reply.headers, reply.content))


def read_json(reply: httpx.Response) -> Any:
    try:
        return json.loads(success(reply))
    except ValueError as error:
        kind = reply.headers.get("content-type", "no content type")
        raise AnswerUnreadable(
            f"{reply.status_code} with a body that is not JSON ({kind}): is this the service?"
        ) from error


def read_as(model: type[FactsT], content: Any) -> FactsT:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise AnswerUnreadable(f"the answer is not what {model.__name__} expects: {error}") from error


def base_headers(api_key: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"jubako-client/{_version()}", "Accept": "application/json, application/problem+json"}
    return {**headers, "Authorization": f"Bearer {api_key}"} if api_key else headers


def _version() -> str:
    try:
        return version("jubako")
    except PackageNotFoundError:
        return "0"


def time_limits(remaining: float) -> httpx.Timeout:
    remaining = max(remaining, 0.001)
    return httpx.Timeout(remaining, connect=min(remaining, CONNECT_SECONDS))


#: httpx's exceptions and ours, the most special first.
FROM_HTTPX: tuple[tuple[type[Exception], type[RequestError]], ...] = (
    (httpx.ConnectTimeout, ConnectionFailed),
    (httpx.TimeoutException, Timeout),
    (httpx.NetworkError, ConnectionFailed),
    (httpx.RemoteProtocolError, ConnectionFailed),
    (httpx.ProxyError, ConnectionFailed),
    (httpx.HTTPError, RequestError),
    (httpx.InvalidURL, RequestError),
    (httpx.CookieConflict, RequestError),
    (httpx.StreamError, RequestError),
)


@contextmanager
def httpx_translated(url: str) -> Iterator[None]:
    """Raise httpx's exceptions as ours, so that ``except JubakoError`` catches every error."""
    try:
        yield
    except tuple(theirs for theirs, _ in FROM_HTTPX) as error:
        ours = next(ours for theirs, ours in FROM_HTTPX if isinstance(error, theirs))
        raise ours(_sentence(ours, error, url)) from error


def _sentence(kind: type[RequestError], error: Exception, url: str) -> str:
    why = str(error) or type(error).__name__
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return f"{url!r} is not an address: {why} Write it as http://HOST:PORT"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no service answers at {url}: {why}"
    if kind is Timeout:
        return f"no answer from {url} in time ({type(error).__name__})"
    return f"the connection to {url} failed: {why}"
