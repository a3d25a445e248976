"""Tokenizers for DistilBERT: a new one from texts, or the one of a checkpoint.

A new vocabulary is counted here and not trained by the ``tokenizers`` library, whose trainer gives other numbers to the
same pieces in each run (its tables are hashed with a random seed): no training after it could be repeated.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from jubako.text import MAX_TOKENS, PAD, TOKENIZER_FILE, UNKNOWN, Tokenizer

if TYPE_CHECKING:
    import tokenizers

START, END, MASK = "[CLS]", "[SEP]", "[MASK]"
VOCABULARY_FILE = "vocab.txt"
#: Letters that stay letters when no text has them.
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-/&%$#@*+=<>"
FEWEST = 2
"""A word that stands once is a typing error more often than a word."""
WHOLE_SHARE = 0.8
"""How much of the vocabulary whole words may take; the rest are beginnings and endings, for words never seen."""
BEGINNING, ENDING = range(3, 8), range(1, 6)
"""How many letters they have."""


def new_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """In lower case, without accents: whole words where they are frequent, pieces and letters for the rest."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers

    apostrophe = normalizers.Replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    normalizer = normalizers.Sequence([apostrophe, normalizers.BertNormalizer(lowercase=True)])
    splitter = pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    pieces = vocabulary(words, size)
    core = tokenizers.Tokenizer(
        models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token=UNKNOWN)
    )
    core.normalizer, core.pre_tokenizer = normalizer, splitter
    return _finished(core, MAX_TOKENS)


def vocabulary(words: Counter[str], size: int) -> list[str]:
    """The pieces, each once, the same for the same counts; a piece inside a word begins with ``##``.

    >>> found = vocabulary(Counter({"charge": 9, "charging": 5, "holding": 4, "xylophone": 1}), 200)
    >>> [piece in found for piece in ("charge", "##ing", "cha", "z", "##z", "xylophone")]
    [True, True, True, True, True, False]
    """
    known = {letter for word, count in words.items() if count >= FEWEST for letter in word}
    letters = sorted(known | set(LETTERS))
    certain = [PAD, UNKNOWN, START, END, MASK, *letters, *(f"##{letter}" for letter in letters)]
    frequent = [word for word, count in _by_count(words) if count >= FEWEST and len(word) > 1]
    whole = frequent[: max(int((size - len(certain)) * WHOLE_SHARE), 0)]
    parts: Counter[str] = Counter()
    for word in whole:
        parts.update(word[:end] for end in BEGINNING if end < len(word))
        parts.update(f"##{word[-end:]}" for end in ENDING if end + 2 < len(word))
    rest = [part for part, count in _by_count(parts) if count >= FEWEST]
    return list(dict.fromkeys([*certain, *whole, *rest]))[: max(size, len(certain))]


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def base_tokenizer(folder: Path, most: int) -> Tokenizer:
    """The one that lies beside a checkpoint, as ``tokenizer.json`` or as its older ``vocab.txt``."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers

    if (folder / TOKENIZER_FILE).is_file():
        core = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        core.enable_truncation(most)
        return Tokenizer.of(core)
    settings = folder / "tokenizer_config.json"
    lower = json.loads(settings.read_text("utf-8")).get("do_lower_case", True) if settings.is_file() else True
    core = tokenizers.Tokenizer(models.WordPiece.from_file(str(folder / VOCABULARY_FILE), unk_token=UNKNOWN))
    core.normalizer = normalizers.BertNormalizer(lowercase=lower)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _finished(core, most)


def _finished(core: tokenizers.Tokenizer, most: int) -> Tokenizer:
    """With the marks around a text, cut where it is too long."""
    from tokenizers import processors

    marks = [(mark, core.token_to_id(mark)) for mark in (START, END)]
    core.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=marks)
    core.enable_truncation(most)
    return Tokenizer.of(core)
