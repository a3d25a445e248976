"""Every error of the client, as one tree: ``except JubakoError`` catches all of them.

JubakoError
├── InputRefused            the input cannot be made into rows; nothing was sent (a ValueError too)
├── UnknownModel            the service has no model of this name (a LookupError too)
├── RequestError            no answer came
│   ├── ConnectionFailed    no connection, or a broken one; tried again
│   └── Timeout             no answer within `timeout`
├── AnswerUnreadable        a success whose body is not what the contract says
└── AnswerError             an error of the service or of a proxy: status, title, detail, request_id
    ├── BadRequest          400       not parseable
    ├── Unauthorized        401, 403  the API key is missing or wrong
    ├── NotFound            404
    ├── TooLarge            413
    ├── WrongMediaType      415
    ├── RowsRejected        422       errors: every bad row, each with loc and msg
    ├── Overloaded          429, 503  retry_after, in seconds; tried again
    ├── DeadlineExceeded    504       past the service's own deadline
    └── ServerFault         500 and every other 5xx
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jubako.client.problems import ProblemDetails, RowError

#: How many bad rows a message names before it counts the rest; `errors` has them all.
NAMED = 3


class JubakoError(Exception):
    """The base of every error of this client."""


class InputRefused(JubakoError, ValueError):
    """The input cannot be made into rows of this model. Nothing was sent."""


class UnknownModel(JubakoError, LookupError):
    """The service has no model of this name. ``known`` lists those that it has."""

    def __init__(self, name: str, url: str, known: Sequence[str]) -> None:
        super().__init__(name, url, known)
        self.name, self.url, self.known = name, url, tuple(known)

    def __str__(self) -> str:
        return f"{self.url} has no model {self.name}; it has {', '.join(self.known) or 'none'}"


class RequestError(JubakoError):
    """No answer came. The cause (``__cause__``) is httpx's own exception."""


class ConnectionFailed(RequestError):
    """No connection could be made, or it broke."""


class Timeout(RequestError):
    """No answer came within ``timeout``."""


class AnswerUnreadable(JubakoError):
    """The service answered with success, but the body is not what the contract says."""


class AnswerError(JubakoError):
    """The service, or a proxy before it, answered with an error. ``detail`` explains it."""

    def __init__(self, problem: ProblemDetails) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.request_id = problem.request_id
        self.errors = problem.errors
        self.retry_after = problem.retry_after

    def __str__(self) -> str:
        text = f"{self.status} {self.title}"
        if self.detail and self.detail != self.title:
            text += f": {self.detail}"
        if self.errors:
            more = len(self.errors) - NAMED
            named = "; ".join(str(error) for error in self.errors[:NAMED])
            text += f" [{named}{f'; and {more} more' if more > 0 else ''}]"
        return f"{text} (request {self.request_id})" if self.request_id else text


class BadRequest(AnswerError):
    """400: the service could not parse the request."""


class Unauthorized(AnswerError):
    """401 or 403: the API key is missing, wrong, or not allowed to do this."""


class NotFound(AnswerError):
    """404: no such model, version or route."""


class TooLarge(AnswerError):
    """413: more bytes or rows than the service accepts in one request."""


class WrongMediaType(AnswerError):
    """415: a kind of body that the service does not read."""


class RowsRejected(AnswerError):
    """422: rows with wrong values. ``errors`` lists every one, with its number in the whole call."""

    def shifted(self, first: int) -> RowsRejected:
        """The same with row numbers counted from ``first``: for one request of a call that was split."""
        errors = tuple(error.shifted(first) for error in self.errors)
        return RowsRejected(replace(self.problem, errors=errors))


class Overloaded(AnswerError):
    """429 or 503: try later. ``retry_after`` is the service's own advice in seconds, or None."""


class DeadlineExceeded(AnswerError):
    """504: the deadline of the service, or of a proxy, has passed."""


class ServerFault(AnswerError):
    """500, and every other 5xx: a fault of the service."""


#: The exception of each status; another 5xx is a ServerFault, and any other status an AnswerError.
BY_STATUS: dict[int, type[AnswerError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    413: TooLarge,
    415: WrongMediaType,
    422: RowsRejected,
    429: Overloaded,
    503: Overloaded,
    504: DeadlineExceeded,
}


def answer_error(problem: ProblemDetails) -> AnswerError:
    fallback = ServerFault if problem.status >= 500 else AnswerError
    return BY_STATUS.get(problem.status, fallback)(problem)


__all__ = [
    "BY_STATUS",
    "AnswerError",
    "AnswerUnreadable",
    "BadRequest",
    "ConnectionFailed",
    "DeadlineExceeded",
    "InputRefused",
    "JubakoError",
    "NotFound",
    "Overloaded",
    "RequestError",
    "RowError",
    "RowsRejected",
    "ServerFault",
    "Timeout",
    "TooLarge",
    "Unauthorized",
    "UnknownModel",
    "WrongMediaType",
    "answer_error",
]
