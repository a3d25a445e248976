"""Who is measured, in which order, and with what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.environments import REQUIREMENTS
from benchmarks.places import COLLECTION, ROOT, Place
from benchmarks.plan import CELLS, quick, too_slow, whole
from benchmarks.servers import DOCUMENTED, JUBAKO, PEERS, SERVERS, Server

PLACE = Place("iris", Path("/files"), Path("/scratch"), 1, 2, 3)


def test_every_round_has_every_server_and_begins_with_another() -> None:
    plan = whole(["iris"], None)
    rounds = [[station.server.name for station in plan.stations(number)] for number in range(3)]
    assert len({names[0] for names in rounds}) == 3
    assert all(set(names) == set(SERVERS) for names in rounds)


def test_first_pages_are_measured_with_the_model_that_they_show() -> None:
    stations = list(whole(list(COLLECTION.cards), None).stations(0))
    assert {station.model for station in stations if station.server in DOCUMENTED} == {"iris"}


def test_every_peer_meets_every_load_of_every_model() -> None:
    cells = {
        (station.server.name, station.model): set(station.cells) for station in whole([*COLLECTION], None).stations(1)
    }
    assert all(cells[server.name, model] >= set(CELLS) for server in (JUBAKO, *PEERS) for model in COLLECTION.cards)


def test_a_quick_run_is_short_and_still_has_every_peer() -> None:
    plan = quick(list(COLLECTION.cards), None)
    stations = list(plan.stations(0))
    assert {station.server.name for station in stations} == {server.name for server in (JUBAKO, *PEERS)}
    seconds = sum(len(station.cells) * (plan.seconds + plan.warm_seconds) + 7 for station in stations) * plan.rounds
    assert seconds < 5 * 60


def test_a_cell_with_too_long_a_queue_is_left_out_with_its_reason() -> None:
    assert "work for the bare model" in str(too_slow((256, 64), 100.0))
    assert too_slow((64, 1), 100.0) is None


@pytest.mark.parametrize("server", SERVERS.values(), ids=lambda server: server.name)
def test_a_server_can_be_started_from_what_is_written_about_it(server: Server) -> None:
    words = [server.filled(word, PLACE) for word in server.command]
    variables = server.environment_variables(PLACE)
    assert not [word for word in (*words, *variables.values()) if "{" in word]
    modules = re.findall(r"\bbenchmarks\.[a-z_.]+", " ".join((*words, *variables.values())))
    names = [module.removesuffix(".") for module in modules]
    assert all((ROOT / (name.replace(".", "/") + ".py")).exists() for name in names)
    assert variables["OMP_NUM_THREADS"] == "1"
    if server.environment:
        assert (REQUIREMENTS / f"{server.environment}.txt").exists()


@pytest.mark.parametrize("server", SERVERS.values(), ids=lambda server: server.name)
def test_what_was_tuned_was_among_the_candidates(server: Server) -> None:
    assert all(server.settings[setting] in values for setting, values in server.candidates.items())


@pytest.mark.parametrize("file", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda file: file.stem)
def test_a_peers_environment_is_exact_versions_and_nothing_else(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+!]+", line) for line in lines)


def test_every_peer_computes_with_the_same_engine() -> None:
    pins = {
        file.stem: dict(re.findall("^(onnxruntime|numpy|tokenizers)==(.+)$", file.read_text(), re.MULTILINE))
        for file in REQUIREMENTS.glob("*.txt")
    }
    # Triton's backend is compiled for numpy 1: with 2 it answers with empty tensors.
    assert pins["triton"].pop("numpy").startswith("1.")
    pins["triton"]["numpy"] = pins["mosec"]["numpy"]
    assert len({frozenset(one.items()) for one in pins.values()}) == 1
