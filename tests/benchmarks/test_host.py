"""A host that takes the processors away is no server's doing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.host import PAUSE, Host, Stolen, calm, undisturbed


class Told(Stolen):
    def __init__(self, shares: Iterator[float]) -> None:
        self._shares = shares

    def share(self) -> float:
        return next(self._shares)


@pytest.mark.parametrize(
    ("shares", "counts"),
    [([0.0], 900), ([0.2, 0.01], 100), ([0.2, 0.1, 0.3, 0.0], 100)],
    ids=["undisturbed", "disturbed once", "disturbed always"],
)
def test_what_was_disturbed_is_measured_again_whatever_it_showed(shares: list[float], counts: int) -> None:
    found, told = iter([900, 100, 950, 999]), iter(shares)
    assert undisturbed(lambda: next(found), Host(0), lambda: Told(told))[0] == counts


def test_what_was_taken_is_a_share_of_the_processors_time() -> None:
    stolen = Stolen()
    sum(range(1_000_000))
    assert 0 <= stolen.share() <= 1


def test_a_calm_moment_is_waited_for_and_not_for_ever() -> None:
    calm, slept = iter([False, False, True, False, False, False]), list[float]()
    host = Host(patience=4 * PAUSE, calm=lambda: next(calm), sleep=slept.append)
    host.wait()
    assert slept == [PAUSE] * 2
    host.wait()
    assert slept == [PAUSE] * 4
    host.wait()
    assert host.waited == 4 * PAUSE


def test_before_each_try_the_host_may_calm_down() -> None:
    waits, shares = list[str](), iter([0.5, 0.0])
    host = Host(patience=PAUSE, calm=lambda: waits.append("looked") is None)
    undisturbed(lambda: 1, host, lambda: Told(shares))
    assert waits == ["looked"] * 2


def test_whether_it_is_calm_can_be_told() -> None:
    assert calm() in (True, False)
