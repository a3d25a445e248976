"""The real service with a fault in one model, as ``FAULT`` says: ``bentoml serve tests.chaos.faulty:Jubako``.

Everything else is the product as it is.
"""

from __future__ import annotations

from bentos.service import Jubako
from tests.chaos import faults

faults.install()

__all__ = ["Jubako"]
