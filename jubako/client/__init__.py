"""The Python client. It needs httpx and pydantic, and nothing that serves or trains."""

from __future__ import annotations

from jubako.answer import ModelVersion
from jubako.client.asynchronous import AsyncClient, AsyncPredictor
from jubako.client.attributes import predictor
from jubako.client.errors import (
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
    UnknownModel,
    WrongMediaType,
)
from jubako.client.facts import FeedbackReceipt, ModelFacts, MonitoringFacts, VersionFacts
from jubako.client.predictions import Predictions, Timing
from jubako.client.retries import Retries
from jubako.client.sync import Client, Predictor

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
    "UnknownModel",
    "VersionFacts",
    "WrongMediaType",
    "predictor",
]
