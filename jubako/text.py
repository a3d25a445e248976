"""Text models; texts as tokens; tokens as small matrices. Padding costs as much as text: alike lengths go together."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jubako.batch import Batch, Outputs, of_texts
from jubako.card import PredictionT, RowT
from jubako.columns import Column
from jubako.models import Model

if TYPE_CHECKING:
    import tokenizers

TOKENIZER_FILE = "tokenizer.json"
MAX_TOKENS = 256
"""What a text may have, with the two marks around it; the rest is cut off. About 190 English words."""
PAD, UNKNOWN = "[PAD]", "[UNK]"
ALIKE = 1.25
"""How much longer than the shortest the longest text of one matrix may be."""
FEW_TOKENS = 8
"""A difference that is not worth a matrix of its own."""
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())

Ids: TypeAlias = NDArray[np.int64]
Network: TypeAlias = Callable[[Ids, Ids], NDArray[np.float32]]
"""``network(tokens, mask)``: a line of scores for each line of padded tokens."""


def normalise(text: str) -> str:
    """One spelling for what looks the same (NFC), one space for all white space.

    >>> normalise("  Cafe\\u0301 \\n\\t  ok ")
    'Café ok'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def letters(text: str) -> int:
    """
    >>> letters("not good 42!"), letters("d\u00e9j\u00e0 vu")
    (7, 6)
    """
    if text.isascii():  # ten times as fast
        return len(text.encode().translate(None, _NO_LETTERS))
    return sum(map(str.isalpha, text))


def weight(text: str) -> int:
    """About how many tokens a text has, without cutting it up: a token holds some four bytes of most languages.

    >>> weight("Works perfectly and the battery lasts for days."), weight("word " * 800)
    (13, 256)
    """
    size = len(text) if text.isascii() else len(text.encode(errors="replace"))
    return min(MAX_TOKENS, 2 + size // 4)


class TextModel(Model[RowT, PredictionT]):
    """``class ToneModel(TextModel[ToneRow, TonePrediction])``: a model of the one text of each row."""

    array: ClassVar[Any] = list[str]
    _text: ClassVar[Callable[[Any], str]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "card" in cls.__dict__:
            (field,) = cls.card.columns
            cls._text = attrgetter(field)

    @classmethod
    def encode(cls, rows: Sequence[RowT]) -> Batch:
        return of_texts(map(normalise, map(cls._text, rows)))

    @classmethod
    def rows(cls, batch: Batch) -> list[RowT]:
        (field,) = cls.card.columns
        return [cls.card.row.model_construct(**{field: text}) for text in batch.tolist()]

    @classmethod
    def weigh(cls, batch: Batch) -> int:
        """About how many tokens, known before they are cut."""
        return sum(map(weight, batch)) if cls.card.batching.max_tokens else len(batch)

    @classmethod
    def signals(cls, batch: Batch, outputs: Outputs) -> dict[str, Column]:
        texts = batch.tolist()
        characters = np.array(list(map(len, texts)), dtype=np.float64)
        spaces = np.array([one.count(" ") for one in texts], dtype=np.float64)
        share = np.array(list(map(letters, texts)), dtype=np.float64) / np.maximum(characters - spaces, 1)
        return {
            "characters": characters,
            "words": spaces + 1,
            "letter_share": share,
            **cls.answer_columns(outputs),
        }


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A WordPiece tokenizer in the format of the ``tokenizers`` library; it never pads."""

    core: tokenizers.Tokenizer
    pad: int
    unknown: int

    @classmethod
    def of(cls, core: tokenizers.Tokenizer) -> Self:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # or each would start a thread for every core
        core.no_padding()
        if core.truncation is None:
            core.enable_truncation(MAX_TOKENS)
        pad, unknown = core.token_to_id(PAD), core.token_to_id(UNKNOWN)
        if pad is None or unknown is None:
            raise ValueError(f"the tokenizer has no {PAD} or no {UNKNOWN}: it is not one of DistilBERT's")
        return cls(core, pad, unknown)

    @classmethod
    def load(cls, file: Path) -> Self:
        import tokenizers

        return cls.of(tokenizers.Tokenizer.from_file(str(file)))

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        return [line.ids for line in self.core.encode_batch_fast(texts)]


def buckets(lengths: Sequence[int], max_tokens: int) -> Iterator[NDArray[np.intp]]:
    """Places of texts to compute together: of alike length, at most ``max_tokens`` when padded to the longest.

    >>> [places.tolist() for places in buckets([30, 5, 6, 31, 4], max_tokens=62)]
    [[4, 1, 2], [0, 3]]
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    start = 0
    for place in range(1, len(order) + 1):
        if place < len(order):
            longest, shortest = lengths[order[place]], lengths[order[start]]
            rows = place + 1 - start
            alike = longest <= max(shortest * ALIKE, shortest + FEW_TOKENS)
            if alike and rows * longest <= max_tokens:
                continue
        yield order[start:place]
        start = place


def padded(tokens: Sequence[Sequence[int]], pad: int) -> tuple[Ids, Ids]:
    """A matrix as wide as the longest, and a mask that is 1 where a token stands."""
    lengths = np.fromiter((len(line) for line in tokens), np.int64, len(tokens))
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad, np.int64)
    ids[mask] = np.concatenate([np.asarray(line, np.int64) for line in tokens])
    return ids, mask.astype(np.int64)
