"""Made product reviews: short texts with a known opinion, equal for equal seeds.

Ground truth. A review is made *from* its label: every clause is drawn from a pattern whose sign is known (`lexicon/`),
and the label is the sign of the verdict:

- one clause, or several that agree: their sign;
- a contrast ("X, but Y", "although X, Y"): the sign of the main clause Y;
- a list of points with a verdict at the end: the sign of the verdict;
- neutral sentences (who bought what, when, what for) never change the label;
- negation, comparison, expectation, warning and wish are patterns of their own, so their sign is written beside them.

Then noise: typing errors, lost apostrophes, casing, punctuation, stretched letters, emoji; and ``LABEL_NOISE`` of the
labels are turned over, so nothing can honestly score above 0.98 on held-out rows. No two texts are equal.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from training.data.grammar import Grammar, Voice
from training.data.noise import noisy

LABEL_NOISE = 0.02
SAYINGS = 0.2
"""How many opinions are a whole saying (``sentences.txt``), not made from a pattern."""
SIGNS = "-+"
DENIED_TWICE = re.compile(r"(?:not|n't|never|no|hardly|nothing|without|less)(?: \w+)? (?:not|no|less|below)\b")
AGREEMENT = (
    (re.compile(r"\b(i) (?:are|is)\b"), r"\1 am"),
    (re.compile(r"\bi were\b"), "i was"),
    (re.compile(r"\b(we|and i|all of us) (?:am|is)\b"), r"\1 are"),
    (re.compile(r"\b(we|and i|all of us) was\b"), r"\1 were"),
    (re.compile(r"\ba (?=[aeio]|u(?!s|n[iu]))"), "an "),
    (re.compile(r"\s+(?=[,.!?;:])"), ""),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Review:
    text: str
    label: int


class ReviewMaker:
    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"reviews {seed}")  # noqa: S311 - made data, not a secret
        self._grammar = Grammar()

    def make(self, size: int) -> list[Review]:
        """``size`` different reviews, about as many good as bad ones."""
        seen: set[str] = set()
        reviews: list[Review] = []
        while len(reviews) < size:
            label = len(reviews) % 2
            text = self.review(label)
            key = re.sub(r"\W+", " ", text).casefold().strip()
            if key in seen:
                continue
            seen.add(key)
            turned = self._rng.random() < LABEL_NOISE
            reviews.append(Review(text, 1 - label if turned else label))
        self._rng.shuffle(reviews)
        return reviews

    def review(self, label: int) -> str:
        rng = self._rng
        voice = Voice(rng, rng.choice(self._grammar.domains))
        shape = rng.choices((self._single, self._several, self._contrast, self._story), (60, 14, 12, 14))[0]
        text = shape(label, voice)
        for pattern, replacement in AGREEMENT:
            text = pattern.sub(replacement, text)
        return noisy(text.strip(" ,"), rng, emoji=lambda: self._grammar.say(f"emoji{SIGNS[label]}", voice))

    def _opinion(self, label: int, voice: Voice) -> str:
        section = ("sentence" if voice.rng.random() < SAYINGS else "clause") + SIGNS[label]
        said = self._grammar.say(section, voice)
        while DENIED_TWICE.search(said):  # "never not reliable": nobody knows what that means
            said = self._grammar.say(section, voice)
        return said

    def _neutral(self, voice: Voice) -> str:
        return self._grammar.say("neutral", voice)

    def _single(self, label: int, voice: Voice) -> str:
        return self._opinion(label, voice)

    def _several(self, label: int, voice: Voice) -> str:
        parts = [self._opinion(label, voice)]
        for _ in range(voice.rng.choice((1, 1, 1, 2, 2, 3))):
            parts += [self._grammar.say("also", voice), self._opinion(label, voice)]
        return " ".join(parts)

    def _contrast(self, label: int, voice: Voice) -> str:
        minor, main = self._opinion(1 - label, voice), self._opinion(label, voice)
        if voice.rng.random() < 0.3:
            main += f" {self._grammar.say('also', voice)} {self._opinion(label, voice)}"
        although = self._grammar.say("although", voice)
        order = voice.rng.random()
        if order < 0.65:
            return f"{minor} {self._grammar.say('but', voice)} {main}"
        return f"{although} {minor}, {main}" if order < 0.85 else f"{main} {although} {minor}"

    def _story(self, label: int, voice: Voice) -> str:
        """Neutral sentences around the opinion; sometimes a point against it before the verdict."""
        rng, opinion = voice.rng, self._opinion(label, voice)
        order = rng.random()
        if order < 0.3:
            return f"{opinion}. {self._neutral(voice)}"
        start = self._neutral(voice) + rng.choice((". ", ". ", " and ", ", ", " - ", "! "))
        if order < 0.5:
            start += f"{self._opinion(1 - label, voice)} {self._grammar.say('but', voice)} "
        if order < 0.75:
            return start + opinion
        if order < 0.9:
            return f"{start}{opinion}. {self._neutral(voice)}"
        return f"{start}{opinion}. {self._grammar.say('conclude', voice)} {self._opinion(label, voice)}"
