"""A small pattern language: sections of phrases with slots, expanded at random.

``{name}`` is a phrase of that section, ``{a|b}`` a choice, ``{...?}`` stands half of the time, ``{name:past}`` has its
verb in that form. Verbs agree with the last subject. ``name@domain`` adds to the section ``name`` in that domain.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

from training.data.morphology import FORMS, inflect

FILES = ("grammar", "things", "opinions_good", "opinions_bad", "patterns", "sentences")
PLURAL = {
    **{"is": "are", "was": "were", "has": "have", "does": "do", "isn't": "aren't", "wasn't": "weren't"},
    **{"doesn't": "don't", "seems": "seem", "looks": "look", "feels": "feel", "sounds": "sound", "tastes": "taste"},
    **{"smells": "smell", "works": "work", "functions": "function", "performs": "perform", "charges": "charge"},
    **{"fits": "fit", "holds": "hold", "runs": "run", "plays": "play", "loves": "love", "likes": "like"},
    **{"adores": "adore", "enjoys": "enjoy", "hates": "hate", "dislikes": "dislike", "despises": "despise"},
}
#: Which sections set the number that later verbs agree with.
NUMBER = {"subject": False, "subjects": True, "i": True, "someone": True, "person": False, "object": False}
OWN_LIST_SHARE = 0.45
"""How often a domain's own list is used where there is one."""


@dataclass(frozen=True, slots=True)
class Slot:
    name: str | None
    choices: tuple[Phrase, ...]
    optional: bool
    form: str | None


Phrase: TypeAlias = tuple["str | Slot", ...]


@dataclass(slots=True)
class Voice:
    """Who speaks of what: the state of one review."""

    rng: random.Random
    domain: str
    plural: bool = False


def sections() -> dict[str, list[str]]:
    """Every section of the lexicon; a line ``3* text`` counts three times."""
    found: dict[str, list[str]] = {}
    for name in FILES:
        text = (files("training.data") / "lexicon" / f"{name}.txt").read_text(encoding="utf-8")
        entries: list[str] = []
        for line in text.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if heading := re.fullmatch(r"\[(.+)\]", line):
                entries = found.setdefault(heading[1], [])
                continue
            weight = re.match(r"(\d+)\* ", line)
            phrases = [part.strip() for part in line[weight.end() if weight else 0 :].split(";")]
            entries.extend([phrase for phrase in phrases if phrase] * (int(weight[1]) if weight else 1))
    return found


def _split(text: str) -> list[str]:
    """The choices of a slot: parted by ``|`` outside of inner braces.

    >>> _split("a|b {c|d}|")
    ['a', 'b {c|d}', '']
    """
    choices, depth = [""], 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if letter == "|" and depth == 0:
            choices.append("")
        else:
            choices[-1] += letter
    return choices


class Grammar:
    def __init__(self) -> None:
        self.sections = sections()
        self._names = {name.partition("@")[0] for name in self.sections}
        self._phrases = {name: tuple(map(self._parse, lines)) for name, lines in self.sections.items()}
        self.domains = tuple(self.sections["domain"])

    def say(self, name: str, voice: Voice) -> str:
        """A phrase of this section, all slots filled."""
        return self._fill(self._draw(name, voice), voice)

    def _draw(self, name: str, voice: Voice) -> Phrase:
        own = self._phrases.get(f"{name}@{voice.domain}")
        common = self._phrases.get(name)
        chosen = own if own and (not common or voice.rng.random() < OWN_LIST_SHARE) else common
        if not chosen:
            raise KeyError(f"the lexicon has no section [{name}]")
        if name in NUMBER and name != "object":
            voice.plural = NUMBER[name]
        return chosen[int(voice.rng.random() * len(chosen))]

    def _fill(self, phrase: Phrase, voice: Voice) -> str:
        return "".join(part if isinstance(part, str) else self._slot(part, voice) for part in phrase)

    def _slot(self, slot: Slot, voice: Voice) -> str:
        if slot.optional and voice.rng.random() < 0.5:
            return ""
        if slot.name:
            said = self.say(slot.name, voice)
        else:
            said = self._fill(slot.choices[int(voice.rng.random() * len(slot.choices))], voice)
            said = PLURAL.get(said, said) if voice.plural else said
        if slot.form and not (slot.form == "s" and voice.plural):
            said = inflect(said, slot.form)
        return said

    def _parse(self, text: str) -> Phrase:
        parts: list[str | Slot] = []
        literal, depth, inside = "", 0, ""
        for letter in text:
            if letter == "}":
                depth -= 1
                if depth == 0:
                    parts += [literal, self._parse_slot(inside)]
                    literal, inside = "", ""
                    continue
            if depth:
                inside += letter
            elif letter != "{":
                literal += letter
            depth += letter == "{"
        if depth:
            raise ValueError(f"an open brace in {text!r}")
        return tuple(part for part in (*parts, literal) if part)

    def _parse_slot(self, inside: str) -> Slot:
        optional = inside.endswith("?")
        body = inside.removesuffix("?")
        name, _, form = body.partition(":")
        if form in FORMS and name.replace("_", "").isalpha():
            return Slot(name, (), optional, form)
        if body in self._names:
            return Slot(body, (), optional, None)
        return Slot(None, tuple(self._parse(choice) for choice in _split(body)), optional, None)
