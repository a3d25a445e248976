"""One real service with all five models, for every test that only asks it things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import browsing
from tests.conftest import TrainedHome
from tests.five import CARDS
from tests.serving import RunningService


@pytest.fixture(scope="session")
def service(trained_home: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    store = trained_home(*CARDS).bentoml
    with RunningService(store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def service_url(service: RunningService) -> str:
    return service.url


@pytest.fixture(scope="session")
def one_browser() -> Iterator[browsing.Browser]:
    if browsing.MISSING:
        pytest.skip(f"not installed here: {browsing.MISSING}")
    started = browsing.Browser()
    yield started
    started.close()


@pytest.fixture
def browser(one_browser: browsing.Browser) -> browsing.Browser:
    """At a desk, in the light."""
    return one_browser.view(browsing.DESK)
