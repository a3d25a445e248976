"""Every behaviour of the table, at a size that still can fail. ``make chaos`` runs them at full size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import answers, deaths, loads, versions  # noqa: F401 - they fill the table
from tests.chaos.behaviour import BEHAVIOURS, Behaviour, Place
from tests.conftest import TrainedHome
from tests.five import CARDS

pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "behaviour", [BEHAVIOURS[n] for n in sorted(BEHAVIOURS)], ids=lambda b: f"{b.number} {b.done[:40]}"
)
async def test_the_service_holds(behaviour: Behaviour, trained_home: TrainedHome, tmp_path: Path) -> None:
    outcome = await behaviour.attempt(Place(trained_home(*CARDS).bentoml, tmp_path))
    assert outcome.held, f"{behaviour.expected}; seen: {outcome.seen}"
