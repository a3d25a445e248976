"""``python -m training iris`` is ``jubako train iris``."""

from __future__ import annotations

from training.commands import train

train(prog_name="python -m training")
