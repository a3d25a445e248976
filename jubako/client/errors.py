"""Everything that can go wrong, as one tree. ``except JubakoError`` catches it all.

JubakoError
├── InputRefused            what was passed cannot be made into rows; nothing was sent (a ValueError too)
├── RequestError            no answer came
│   ├── ConnectionFailed    nobody there, or the line broke; tried again
│   └── Timeout             no answer within `timeout`
├── AnswerUnreadable        a success whose body is not what the contract says
└── AnswerError             the service, or a proxy before it, said no: status, title, detail, request_id
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

from dataclasses import replace

from jubako.client.problems import ProblemDetails, RowError

#: How many bad rows a message names before it counts the rest; `errors` has them all.
NAMED = 3


class JubakoError(Exception):
    """Anything that this client raises on purpose."""


class InputRefused(JubakoError, ValueError):
    """What was passed cannot be made into rows of this model. Nothing was sent."""


class RequestError(JubakoError):
    """No answer came. The cause (``__cause__``) is httpx's own exception."""


class ConnectionFailed(RequestError):
    """Nobody listens there, or the line broke."""


class Timeout(RequestError):
    """No answer came within ``timeout``."""


class AnswerUnreadable(JubakoError):
    """The service answered with success, and with something that the contract does not know."""


class AnswerError(JubakoError):
    """The service, or a proxy before it, answered with an error. Its own explanation is in ``detail``."""

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
    """413: more bytes or rows than the service takes in one request."""


class WrongMediaType(AnswerError):
    """415: not a kind of body, or of picture, that the service reads."""


class RowsRejected(AnswerError):
    """422: rows with wrong values. ``errors`` lists every one, counted as the caller counts them."""

    def shifted(self, first: int) -> RowsRejected:
        """The same with row numbers counted from ``first``: for one request of a call that was split into many."""
        errors = tuple(error.shifted(first) for error in self.errors)
        return RowsRejected(replace(self.problem, errors=errors))


class Overloaded(AnswerError):
    """429 or 503: not now. ``retry_after`` says when, in seconds, if the service said so."""


class DeadlineExceeded(AnswerError):
    """504: the service gave up at its own deadline, or a proxy did at its own."""


class ServerFault(AnswerError):
    """500, and every other 5xx: theirs, not yours."""


#: Which exception stands for which status; another 5xx is a ServerFault, and all else an AnswerError.
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
    "WrongMediaType",
    "answer_error",
]
