"""The one way in which an import is refused."""

from __future__ import annotations


class ImportRefused(ValueError):
    """This model cannot be imported as it is; says why, and what to do."""
