"""``python -m training iris`` is ``jubako train iris``."""

from __future__ import annotations

from jubako.commands.train import train

train(prog_name="python -m training")
