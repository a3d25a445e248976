"""A service of one model that may be bad: ``bentoml serve tests.engine.tiny.risky:Risky``."""

from __future__ import annotations

from jubako import model, service
from tests.engine.tiny.faulty import FaultyModel


@service
class Risky:
    """One model that may be bad."""

    faulty = model(FaultyModel)
