"""Texts with labels from a file or a public set: found by the names of their columns, or by what stands in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jubako.card import AnyCard
from jubako.text import normalise
from jubako.training import tables
from jubako.training.public import hub
from jubako.training.recipe import DataRefused, Dataset

if TYPE_CHECKING:
    import pandas as pd

TEXT_NAMES = ("text", "sentence", "review", "review_text", "review_body", "content", "comment", "body", "message")
LABEL_NAMES = ("label", "labels", "sentiment", "polarity", "class", "target", "category")
MOST_FETCHED = 100_000
"""Public sets have millions of texts; a sample, equal each time, teaches as much. A file of one's own is read whole."""
LOOKED_AT = 200
"""Rows that tell which of two nameless columns has the labels."""


def read(path: Path, card: AnyCard) -> Dataset:
    """A TSV or CSV file in UTF-8, with the names of its columns in the first row, or with two columns and no names."""
    if not path.is_file():
        raise DataRefused(str(path), ["a TSV or CSV file of texts and labels is expected; a local data set is hf:PATH"])
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataRefused(str(path), [f"not UTF-8: {error.reason} at byte {error.start}"]) from error
    return _checked(_table(content, path.suffix.lower(), str(path), card), str(path), card)


def fetch(source: str, card: AnyCard) -> Dataset:
    """``hf:NAME``: the ``train`` split of a Hugging Face data set, or a folder in the same form."""
    table = hub(source)
    if len(table) > MOST_FETCHED:
        table = table.sample(MOST_FETCHED, random_state=0).reset_index(drop=True)
    return _checked(table, source, card)


def places(card: AnyCard) -> dict[str, int]:
    """How a table may spell each class: its place, its name, or, where that is clear, three letters of it."""
    names = [name.casefold() for name in card.classes]
    short = [name[:3] for name in names] if len({name[:3] for name in names}) == len(names) else names
    return {word: place for place, words in enumerate(zip(names, short, strict=True)) for word in (str(place), *words)}


def _table(content: str, suffix: str, source: str, card: AnyCard) -> pd.DataFrame:
    import pandas as pd

    lines = _lines(content, suffix)
    if not lines:
        raise DataRefused(source, ["the table is empty: no rows"])
    names = [name.strip() for name in lines[0]]
    known = {name.casefold() for name in names} & {*TEXT_NAMES, *LABEL_NAMES}
    if known:
        lines = lines[1:]
    else:
        names = _guessed(lines, source, card)
    if odd := [place for place, line in enumerate(lines) if len(line) != len(names)]:
        example = f"for example row {odd[0] + 1} with {len(lines[odd[0]])}: {' | '.join(lines[odd[0]])[:80]!r}"
        raise DataRefused(source, [f"{len(odd)} rows do not have {len(names)} columns, {example}"])
    return pd.DataFrame(lines, columns=pd.Index(names), dtype=object)


def _lines(content: str, suffix: str) -> list[list[str]]:
    first = content.partition("\n")[0]
    if suffix == ".tsv" or ("\t" in first and suffix != ".csv"):
        # Most TSV files quote nothing, and a review may well begin with a quotation mark.
        ends = content.replace("\r\n", "\n").split("\n")  # splitlines() would also split at rare letters of a text
        return [list(map(_unquoted, line.split("\t"))) for line in ends if line.strip()]
    divider = ";" if "," not in first and ";" in first else ","
    return [line for line in csv.reader(io.StringIO(content, newline=""), delimiter=divider) if any(line)]


def _unquoted(cell: str) -> str:
    """A cell without the quotation marks that a spreadsheet puts around it.

    >>> _unquoted('"say ""yes"" now"'), _unquoted('"yes" and "no"'), _unquoted('"Great')
    ('say "yes" now', '"yes" and "no"', '"Great')
    """
    inner = cell[1:-1]
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"' or '"' in inner.replace('""', ""):
        return cell
    return inner.replace('""', '"')


def _guessed(lines: Sequence[Sequence[str]], source: str, card: AnyCard) -> list[str]:
    """Names for two columns without any: the labels are where nearly every cell is one."""
    known = places(card)
    some = [line for line in lines[:LOOKED_AT] if len(line) == 2]
    shares = [np.mean([line[place].strip().casefold() in known for line in some] or [False]) for place in (0, 1)]
    if max(shares) < 0.5:
        raise DataRefused(
            source,
            [
                f"no column is called {' or '.join(TEXT_NAMES)}, none {' or '.join(LABEL_NAMES)}",
                f"nor are there two columns of which one holds 0 and 1, or {' and '.join(card.classes)}",
                f"the first row is {' | '.join(lines[0])[:120]!r}",
            ],
        )
    return ["label", "text"] if shares[0] > shares[1] else ["text", "label"]


def _checked(table: pd.DataFrame, source: str, card: AnyCard) -> Dataset:
    names = {str(name).strip().casefold(): str(name) for name in reversed(table.columns)}
    text = next((names[name] for name in TEXT_NAMES if name in names), "text")
    label = next((names[name] for name in LABEL_NAMES if name in names), "label")
    if label in table.columns:
        table[label] = [_label(value) for value in table[label].tolist()]
    known = places(card)
    kind: Any = Literal[tuple(known)]
    layout = tables.Layout(tables.Target(label, kind), {card.columns[0]: text})
    checked = tables.check(table, card.row, layout, source)
    truth = np.array([known[value] for value in checked.truth], dtype=np.int64)
    made = tables.dataset(checked.rows, truth, source)
    # The same sentence on both sides of a split would be no test.
    groups = [normalise(getattr(row, card.columns[0])).casefold() for row in checked.rows]
    return Dataset(made.rows, made.truth, made.source, made.sha256, groups)


def _label(value: object) -> str | None:
    """As the known labels are written; 1 and 1.0 and True are the same answer.

    >>> [_label(value) for value in (1, "1.0", False, " Positive", float("nan"), 7)]
    ['1', '1', '0', 'positive', None, '7']
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN is the number that is not itself
        return None
    word = str(int(value)) if isinstance(value, bool | np.bool_) else str(value).strip().casefold()
    return word.removesuffix(".0")
