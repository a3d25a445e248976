"""How soon new words are found in live texts, and how often in texts where there are none.

``python -m benchmarks.studies.new_words`` on made reviews: quiet windows of 500 texts, and windows in which a share of
all words is replaced by "fire", "mid" and "cringe".
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence

from jubako.monitoring.archive.word_files import FEWEST
from jubako.monitoring.drift.word_surge import surges
from jubako.versions.known_words import KnownWords, count_texts
from training.data.reviews import ReviewMaker

SLANG = ("fire", "mid", "cringe")
LEARNED = 16_000
WINDOW = 500


def known_words() -> KnownWords:
    texts = [review.text for review in ReviewMaker(0).make(LEARNED + 4_000)]
    return KnownWords.of(texts[:LEARNED], texts[LEARNED:])


def windows(count: int, seed: int) -> Iterator[list[str]]:
    """Of texts that the known words were not counted from."""
    for number in range(count):
        yield [review.text for review in ReviewMaker(seed + number).make(WINDOW)]


def with_slang(texts: Sequence[str], share: float, chance: random.Random) -> list[str]:
    """``share`` of all words replaced, by each of the new words as often."""
    return [
        " ".join(chance.choice(SLANG) if chance.random() < share else word for word in text.split()) for text in texts
    ]


def named(known: KnownWords, texts: Sequence[str]) -> set[str]:
    """The new words that a report of this window names."""
    counts = {word: count for word, count in count_texts(texts).items() if count >= FEWEST}
    return {surge.word for surge in surges(known, len(texts), counts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quiet", type=int, default=1_000, help="windows without new words")
    parser.add_argument("--new", type=int, default=100, help="windows with new words, for each share")
    given = parser.parse_args()
    known = known_words()
    alarms = [words for texts in windows(given.quiet, 1_000) if (words := named(known, texts))]
    print(f"{given.quiet:,} quiet windows of {WINDOW} texts: {len(alarms)} alarms {alarms or ''}")
    chance = random.Random(0)  # noqa: S311 - made data
    for share in (0.0025, 0.005, 0.01, 0.015):
        told = [named(known, with_slang(texts, share, chance)) for texts in windows(given.new, 100_000)]
        some = sum(bool(words & set(SLANG)) for words in told)
        every = sum(words >= set(SLANG) for words in told)
        print(f"{share:.2%} of words new: {some} of {given.new} windows name one of them, {every} all three")


if __name__ == "__main__":
    main()
