"""An engine that serves any number of models as one BentoML service.

The public names below are imported when they are first used, so that ``import jubako`` loads nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jubako.answer import Answer as Answer
    from jubako.card import Batching as Batching
    from jubako.card import Card as Card
    from jubako.card import DriftLimits as DriftLimits
    from jubako.card import Gate as Gate
    from jubako.card import Prediction as Prediction
    from jubako.card import Row as Row
    from jubako.card import Signal as Signal
    from jubako.client import AsyncClient as AsyncClient
    from jubako.client import Client as Client
    from jubako.composing import model as model
    from jubako.composing import service as service
    from jubako.files import FileModel as FileModel
    from jubako.models import BadRows as BadRows
    from jubako.models import Model as Model
    from jubako.tables import TableModel as TableModel
    from jubako.text import TextModel as TextModel

# Importing ONNX Runtime is enough: since 1.29 it keeps an id of the machine in the home folder and sends events.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

#: The module of each public name. Type checkers read the imports above, which a test compares with this table.
_MODULES = {
    "Answer": "jubako.answer",
    "AsyncClient": "jubako.client",
    "BadRows": "jubako.models",
    "Batching": "jubako.card",
    "Card": "jubako.card",
    "Client": "jubako.client",
    "DriftLimits": "jubako.card",
    "FileModel": "jubako.files",
    "Gate": "jubako.card",
    "Model": "jubako.models",
    "Prediction": "jubako.card",
    "Row": "jubako.card",
    "Signal": "jubako.card",
    "TableModel": "jubako.tables",
    "TextModel": "jubako.text",
    "model": "jubako.composing",
    "service": "jubako.composing",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
