"""Every behaviour of the table, at a size that still can fail. ``make chaos`` runs them at full size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import answers, attacked, candidates, deaths, loads, versions  # noqa: F401 - they fill the table
from tests.chaos.behaviour import BEHAVIOURS, Behaviour, KeptService, Place
from tests.conftest import TrainedHome
from tests.five import CARDS

pytestmark = pytest.mark.slow


#: Behaviours that ask for the same service follow each other; what ends it comes last.
ORDER = (5, 1, 12, 13, 7, 2, 9, 8, 3, 4, 6, 10, 11, 14, 15, 16)


@pytest.fixture(scope="module")
def kept() -> Iterator[KeptService]:
    service = KeptService()
    yield service
    service.stop()


def test_every_behaviour_is_tried() -> None:
    assert sorted(ORDER) == sorted(BEHAVIOURS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("behaviour", [BEHAVIOURS[n] for n in ORDER], ids=lambda b: f"{b.number} {b.done[:40]}")
async def test_the_service_holds(
    behaviour: Behaviour, kept: KeptService, trained_home: TrainedHome, tmp_path: Path
) -> None:
    outcome = await behaviour.attempt(Place(trained_home(*CARDS).bentoml, tmp_path, kept=kept))
    if not outcome.held:
        kept.stop()
    assert outcome.held, f"{behaviour.expected}; seen: {outcome.seen}"
