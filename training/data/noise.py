"""How people really type: letters lost and swapped, shouting, no capitals, no full stops."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NEIGHBOURS = {
    **{"a": "s", "b": "v", "c": "x", "d": "f", "e": "r", "f": "d", "g": "h", "h": "j", "i": "o", "j": "k", "k": "l"},
    **{"l": "k", "m": "n", "n": "m", "o": "p", "p": "o", "q": "w", "r": "t", "s": "d", "t": "y", "u": "i", "v": "b"},
    **{"w": "e", "x": "z", "y": "u", "z": "x"},
}
SHORT_FORMS = (
    *(("it is ", "it's "), ("it has ", "it's "), ("i am ", "i'm "), ("i have ", "i've "), ("i would ", "i'd ")),
    *(("do not ", "don't "), ("does not ", "doesn't "), ("did not ", "didn't "), ("is not ", "isn't ")),
    *(("cannot ", "can't "), ("can not ", "can't "), ("will not ", "won't "), ("would not ", "wouldn't ")),
    *(("was not ", "wasn't "), ("could not ", "couldn't "), ("i will ", "i'll "), ("you will ", "you'll ")),
)
SLANG = (("you ", "u "), (" are ", " r "), (" and ", " & "), ("great", "gr8"), (" with ", " w/ "), ("please", "plz"))


def mistyped(word: str, rng: random.Random) -> str:
    """One typing error: two letters swapped, one lost, one doubled, or a neighbour on the keyboard.

    >>> mistyped("battery", random.Random(2))
    'btatery'
    """
    place = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = rng.randrange(4)
    if kind == 0:
        return before + after[0] + letter + after[1:]
    if kind == 1:
        return before + after
    return before + (letter * 2 if kind == 2 else NEIGHBOURS.get(letter, letter)) + after


def _words(text: str, rng: random.Random) -> str:
    if rng.random() < 0.35:
        for long, short in SHORT_FORMS:
            text = text.replace(long, short)
    if rng.random() < 0.05:
        text = text.replace("'", "" if rng.random() < 0.7 else "\N{RIGHT SINGLE QUOTATION MARK}")
    if rng.random() < 0.02:
        for long, short in SLANG:
            text = text.replace(long, short)
    if rng.random() < 0.1:
        words = text.split(" ")
        for _ in range(rng.choice((1, 1, 2))):
            place = rng.randrange(len(words))
            if len(words[place]) > 3:
                words[place] = mistyped(words[place], rng)
        text = " ".join(words)
    if rng.random() < 0.02:
        text = re.sub(r"([aeo])(?=\w?\b)", lambda found: found[1] * rng.randrange(2, 5), text, count=1)
    return text


def _case(text: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.14:
        return text
    if draw < 0.18:
        return text.upper()
    if draw < 0.22:
        words = text.split(" ")
        place = rng.randrange(len(words))
        words[place] = words[place].upper()
        text = " ".join(words)
    text = re.sub(r"\bi\b(?=[ ']|$)", "I", text)
    return re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)


def noisy(text: str, rng: random.Random, emoji: Callable[[], str]) -> str:
    text = _case(_words(text, rng), rng)
    if not text.endswith((".", "!", "?")):
        text += rng.choices((".", "!", "", "!!", "...", "!!!"), (60, 14, 18, 3, 3, 2))[0]
    if rng.random() < 0.03:
        text += " " + emoji()
    return text
