"""English verb and noun forms, for the words that the reviews are made of."""

from __future__ import annotations

import re

VOWELS = "aeiou"
PAST = {
    **{"be": "was", "bend": "bent", "bleed": "bled", "blow": "blew", "break": "broke", "bring": "brought"},
    **{"burn": "burned", "buy": "bought", "catch": "caught", "come": "came", "cost": "cost", "cut": "cut"},
    **{"dig": "dug", "do": "did", "drag": "dragged", "draw": "drew", "drink": "drank", "drive": "drove"},
    **{"eat": "ate", "fall": "fell", "feed": "fed", "feel": "felt", "find": "found", "fit": "fit", "fly": "flew"},
    **{"freeze": "froze", "get": "got", "give": "gave", "go": "went", "grow": "grew", "hang": "hung", "have": "had"},
    **{"hear": "heard", "hit": "hit", "hold": "held", "hurt": "hurt", "keep": "kept", "know": "knew", "let": "let"},
    **{"lie": "lied", "light": "lit", "lose": "lost", "make": "made", "mean": "meant", "meet": "met", "pay": "paid"},
    **{"put": "put", "read": "read", "ride": "rode", "ring": "rang", "rip": "ripped", "run": "ran", "say": "said"},
    **{
        "see": "saw",
        "sell": "sold",
        "send": "sent",
        "serve": "served",
        "set": "set",
        "shine": "shone",
        "shrink": "shrank",
    },
    **{"shut": "shut", "sink": "sank", "sit": "sat", "sleep": "slept", "slide": "slid", "speak": "spoke"},
    **{"spend": "spent", "spill": "spilled", "spin": "spun", "spoil": "spoiled", "split": "split", "spread": "spread"},
    **{"stand": "stood", "steal": "stole", "stick": "stuck", "stink": "stank", "swim": "swam", "take": "took"},
    **{
        "teach": "taught",
        "tear": "tore",
        "tell": "told",
        "think": "thought",
        "throw": "threw",
        "understand": "understood",
    },
    **{
        "upset": "upset",
        "wake": "woke",
        "wear": "wore",
        "win": "won",
        "write": "wrote",
        "beat": "beat",
        "rise": "rose",
    },
}
#: Verbs of more than one syllable whose last letter is not doubled all the same end in an unstressed syllable.
UNSTRESSED = ("er", "en", "on", "el", "it", "or", "et", "om", "op", "er", "ew", "ow", "ay", "oy", "ix")


def _doubles(verb: str) -> bool:
    """Whether the last letter is doubled before a vowel: *stop*, *slip*, but not *open* or *keep*.

    >>> _doubles("stop"), _doubles("open"), _doubles("keep"), _doubles("fix")
    (True, False, False, False)
    """
    if not re.search(r"[^aeiou][aeiou][bdgklmnprtv]$", verb):
        return False
    return len(re.findall(r"[aeiouy]+", verb)) == 1 or not verb.endswith(UNSTRESSED)


def past(verb: str) -> str:
    """
    >>> [past(verb) for verb in ("break", "work", "stop", "try", "save", "play")]
    ['broke', 'worked', 'stopped', 'tried', 'saved', 'played']
    """
    if verb in PAST:
        return PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + verb[-1] + "ed" if _doubles(verb) else verb + "ed"


def ing(verb: str) -> str:
    """
    >>> [ing(verb) for verb in ("break", "drip", "freeze", "die", "see", "open")]
    ['breaking', 'dripping', 'freezing', 'dying', 'seeing', 'opening']
    """
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "be")):
        return verb[:-1] + "ing"
    return verb + verb[-1] + "ing" if _doubles(verb) else verb + "ing"


def plural(word: str) -> str:
    """The plural of a noun, and also the third person of a verb: English spells both alike.

    >>> [plural(word) for word in ("break", "crash", "try", "play", "box", "do", "have")]
    ['breaks', 'crashes', 'tries', 'plays', 'boxes', 'does', 'has']
    """
    if word == "have":
        return "has"
    if re.search(r"(s|x|z|ch|sh|[^o]o)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


FORMS = {"past": past, "ing": ing, "s": plural, "plural": plural}


def inflect(phrase: str, form: str) -> str:
    """The first word of a verb phrase (the last of a noun) in another form.

    >>> inflect("drop calls", "ing"), inflect("fall off", "past"), inflect("tool box", "plural")
    ('dropping calls', 'fell off', 'tool boxes')
    """
    if form == "plural":
        head, _, last = phrase.rpartition(" ")
        return f"{head} {plural(last)}".strip()
    first, space, rest = phrase.partition(" ")
    return FORMS[form](first) + space + rest
