"""The console needs nothing but its own files, may run nothing else, and travels with the Bento."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from jubako import collection
from jubako.console import cards, files
from jubako.console.files import FOLDER, POLICY
from tests.five import CARDS
from tests.reading import ROOT

FILES = files()
PAGE = FILES["/console"].body.decode()
SCRIPTS = sorted(FOLDER.glob("*.js"))


def test_every_file_that_the_page_names_is_served() -> None:
    named = re.findall(r'(?:href|src)="(console/[^"]+)"', PAGE)
    assert "console/main.js" in named
    assert {f"/{name}" for name in named} <= set(FILES)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_imports_only_its_neighbours_and_stays_short(script: Path) -> None:
    text = script.read_text()
    assert {f"/console/{name}" for name in re.findall(r'from "\./([^"]+)"', text)} <= set(FILES)
    assert len(text.splitlines()) < 300


def test_no_file_names_an_address_outside() -> None:
    """Namespaces look like addresses and are none."""
    for file in FILES.values():
        text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert not re.search(r"url\(|@import|//[a-z0-9-]+\.[a-z]{2,}/", text)


def test_the_page_holds_no_script_or_style_of_its_own() -> None:
    """The policy would refuse them."""
    assert not re.search(r"<style|style=|\son[a-z]+=|javascript:|<script(?! type=\"module\" src=)", PAGE)


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.decode().split(";"))
    assert rules.pop("img-src") == "'self' blob:"
    assert rules.pop("require-trusted-types-for") == "'script'"
    assert set(rules.values()) <= {"'none'", "'self'"}
    assert rules["default-src"] == "'none'"


def test_every_answer_carries_the_policy() -> None:
    for address, file in FILES.items():
        headers = dict(file.headers)
        assert headers[b"content-security-policy"] == POLICY, address
        assert headers[b"x-content-type-options"] == b"nosniff"


def test_no_script_makes_markup_from_text() -> None:
    """Trusted types would refuse it in the browser; nobody should try."""
    for script in SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", script.read_text()
        )


def test_no_script_knows_a_model() -> None:
    """Names, fields and choices are the cards'."""
    known = {*CARDS, *(column for card in CARDS.values() for column in card.columns if "_" in column)}
    for script in SCRIPTS:
        code = re.sub(r"//.*|/\*.*?\*/", "", script.read_text(), flags=re.DOTALL)
        assert not known & set(re.findall(r"\w+", code)), script.name


def test_a_form_can_be_made_of_every_card() -> None:
    told = cards(collection.here())
    assert set(told) == set(CARDS)
    for name, card in CARDS.items():
        assert told[name]["media"] == card.media
        assert set(told[name]["row"]["properties"]) == set(card.columns)
        assert len(told[name]["examples"]) >= 2


@pytest.mark.parametrize("bentofile", ["bentofile.yaml", "deploy/gpu/bentofile.yaml"])
def test_the_files_travel_with_the_bento(bentofile: str) -> None:
    included = yaml.safe_load((ROOT / bentofile).read_text())["include"]
    assert f"{FOLDER.relative_to(ROOT).as_posix()}/*" in included


def test_the_files_travel_with_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert {"page/*", "*.css", "*.html"} <= set(data["*"])
