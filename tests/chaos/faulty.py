"""The real service with one model made bad, as ``FAULT`` says: ``bentoml serve tests.chaos.faulty:Jubako``.

Everything else is the product as it is.
"""

from __future__ import annotations

from bentos.service import Jubako
from tests.chaos import faults

faults.install()

__all__ = ["Jubako"]
