"""Every error that a client can get, with its one body (RFC 9457).

Problem
├── MalformedProblem 400     the body is not JSON, not a form, or not what its headers say
├── UnauthorizedProblem 401  API keys are on and the request has no known one
├── NotFoundProblem 404
├── MethodProblem 405        names the allowed methods
├── SlowRequestProblem 408   the request was not complete in time
├── ConflictProblem 409      what is asked for does not fit the present state
├── TooLargeProblem 413      the body, or more rows than one request may have
├── MediaTypeProblem 415     names the right media type
├── InvalidRowsProblem 422   names every bad row and field, and what would be right
├── RateLimitedProblem 429   over the key's quota or its share of the queue, with Retry-After
├── HeadTooLargeProblem 431  the headers are too many or too large
├── InternalProblem 500      without internals; the log has them, under the request id
├── UnavailableProblem 503   overloaded or not ready, with Retry-After
└── TimeoutProblem 504       no answer within the deadline

``RefusedProblem`` in ``own_routes`` has the status that an own route raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import orjson

from jubako.batching.faults import RateLimited

Location = Sequence[str | int]
MEDIA_TYPE = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    loc: Location
    msg: str


class Problem(Exception):
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong here"
    kind: ClassVar[str] = "our-fault"
    #: The label ``outcome`` in ``jubako_requests_total``.
    outcome: ClassVar[str] = "rejected"

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None) -> None:
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        super().__init__(detail)

    def body(self, request_id: str) -> bytes:
        content: dict[str, object] = {
            "type": f"urn:jubako:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            content["errors"] = [{"loc": list(error.loc), "msg": error.msg} for error in self.errors]
        return orjson.dumps(content)


class MalformedProblem(Problem):
    status, kind, title = 400, "not-parseable", "The body cannot be read"


class UnauthorizedProblem(Problem):
    status, kind, title = 401, "key-missing", "A valid API key is needed"

    def __init__(self) -> None:
        hint = "send `Authorization: Bearer KEY` or `X-API-Key: KEY` with a key that this service knows"
        super().__init__(hint, headers={"www-authenticate": "Bearer"})


class NotFoundProblem(Problem):
    status, kind, title = 404, "no-such-thing", "There is nothing here"


class MethodProblem(Problem):
    status, kind, title = 405, "wrong-method", "This address does not take this method"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not possible here; use {allowed}", headers={"allow": allowed})


class SlowRequestProblem(Problem):
    status, kind, title = 408, "too-slow", "The request did not arrive in time"


class ConflictProblem(Problem):
    status, kind, title = 409, "not-now", "This is not possible in the present state"


class TooLargeProblem(Problem):
    status, kind, title = 413, "too-large", "The request is too large"


class MediaTypeProblem(Problem):
    status, kind, title = 415, "wrong-media-type", "The body has the wrong media type"


class InvalidRowsProblem(Problem):
    status, kind, title = 422, "rows-rejected", "Some values do not fit"


class RateLimitedProblem(Problem):
    status, kind, title, outcome = 429, "rate-limited", "Too many requests", "limited"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail, headers={"retry-after": str(max(1, math.ceil(seconds)))})

    @classmethod
    def of(cls, fault: RateLimited) -> Problem:
        if fault.retry_after is None:
            return TooLargeProblem(f"{fault}; this request alone has more: split it")
        return cls(str(fault), fault.retry_after)


class HeadTooLargeProblem(Problem):
    status, kind, title = 431, "headers-too-large", "The headers are too large"


class InternalProblem(Problem):
    outcome = "failed"

    def __init__(self) -> None:
        super().__init__(
            "The request was fine; the service failed on it. Try again, and report the request id if it stays."
        )


class UnavailableProblem(Problem):
    status, kind, title, outcome = 503, "try-later", "Not now", "overloaded"

    def __init__(self, detail: str, seconds: float = 1.0) -> None:
        super().__init__(detail, headers={"retry-after": str(max(1, round(seconds)))})


class TimeoutProblem(Problem):
    status, kind, title, outcome = 504, "too-late", "The deadline passed", "late"
