"""Grafana's dashboards are what their code says, and are fit to be read."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import BOARDS, FOLDER, rendered

SOURCES = FOLDER.parent / "provisioning" / "datasources" / "prometheus.yml"


def board(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_what_its_code_makes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == rendered(name), "run `make dashboards`"


def test_no_dashboard_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        if panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in board(name)["panels"]]
    assert all(place["x"] + place["w"] <= 24 for _, place in places)
    for (one, a), (other, b) in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], f"{one} and {other}"


@pytest.mark.parametrize("name", BOARDS)
def test_every_question_goes_to_the_source_that_is_provisioned(name: str) -> None:
    (source,) = yaml.safe_load(SOURCES.read_text())["datasources"]
    asked = {panel["datasource"]["uid"] for panel in panels(name)}
    assert asked == {source["uid"]}
