"""The Python client. It needs httpx and pydantic, and nothing that serves or trains."""

from __future__ import annotations

from bentos.cards.answer import ModelVersion
from bentos.client.answers import Predictions, Timing
from bentos.client.asynchronous import AsyncClient, AsyncPredictor
from bentos.client.errors import (
    AnswerError,
    AnswerUnreadable,
    BadRequest,
    ConnectionFailed,
    DeadlineExceeded,
    InputRefused,
    JubakoError,
    NotFound,
    Overloaded,
    RequestError,
    RowError,
    RowsRejected,
    ServerFault,
    Timeout,
    TooLarge,
    Unauthorized,
    WrongMediaType,
)
from bentos.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from bentos.client.retries import Retries
from bentos.client.sync import Client, Predictor

__all__ = [
    "AnswerError",
    "AnswerUnreadable",
    "AsyncClient",
    "AsyncPredictor",
    "BadRequest",
    "Client",
    "ConnectionFailed",
    "DeadlineExceeded",
    "FeedbackReceipt",
    "InputRefused",
    "JubakoError",
    "ModelFacts",
    "ModelVersion",
    "MonitoringFacts",
    "NotFound",
    "Overloaded",
    "Predictions",
    "Predictor",
    "RequestError",
    "Retries",
    "RowError",
    "RowsRejected",
    "ServerFault",
    "Timeout",
    "Timing",
    "TooLarge",
    "Unauthorized",
    "VersionFacts",
    "WrongMediaType",
]
