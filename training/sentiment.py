"""The sentiment net: a small DistilBERT learnt from made reviews, from real texts, or from both, one after the other.

Three ways, by what is given:

- nothing: made reviews (``training/data/reviews.py``), from scratch, in about a minute;
- ``--data`` with few texts: they cannot teach a language. The net first learns made reviews, then the given texts;
- ``--base``: a checkpoint that knows the language already is fine-tuned on the given texts, or on made reviews.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from bentos.sentiment.card import CARD
from bentos.sentiment.model import SentimentModel
from jubako.card import AnyCard
from jubako.models import AnyModel, Batch, Outputs
from jubako.onnx import ONNX_FILE
from jubako.text import normalise
from jubako.training import tables, texts
from jubako.training.recipe import Dataset, Fitted, Log, Param, Params, Truth
from training import distilbert, distilbert_onnx
from training.data.reviews import ReviewMaker
from training.distilbert import Lesson
from training.wordpiece import new_tokenizer

MADE_ROWS = 70_000
FEW_TEXTS = 20_000
"""Given fewer texts than this, made reviews are learnt first."""
EQUAL_LABELS = 0.99
"""How many labels a faster engine must leave as they are."""
NEIGHBOURS = 1e-5
"""How far an answer may be from the answer to the same text alone: a stranger's text must not change it."""
ALONE = 32
"""Texts that are also asked alone."""
#: Sums are added in an order that depends on it, so it is part of what makes a training reproducible.
THREADS = 2


class SentimentRecipe:
    card: ClassVar[AnyCard] = CARD
    model: ClassVar[type[AnyModel]] = SentimentModel
    defaults: ClassVar[Params] = {
        "base": "",
        "epochs": 3,
        "learning_rate": 1e-3,
        "batch_tokens": 1024,
        "hidden_words": 0.05,
        "layers": 2,
        "width": 128,
        "heads": 4,
        "vocabulary": 8_000,
        # Made reviews that are learnt before the given texts, when those are few; 0: never.
        "made_first": MADE_ROWS,
        # The given texts, after made reviews; and everything, when there is a base.
        "fine_tuning_rate": 1e-4,
        "fine_tuning_epochs": 4,
        "dropout": 0.1,
    }

    def make(self, seed: int, size: int | None = None) -> Dataset:
        made = ReviewMaker(seed).make(size or MADE_ROWS)
        rows = [CARD.row(text=review.text) for review in made]
        truth = np.array([review.label for review in made], dtype=np.int64)
        return tables.dataset(rows, truth, f"made (seed {seed})")

    def read(self, path: Path) -> Dataset:
        return texts.read(path, CARD)

    def fetch(self, source: str) -> Dataset:
        return texts.fetch(source, CARD)

    def suggest(self, trial: Any) -> dict[str, Param]:
        return {
            "epochs": trial.suggest_int("epochs", 1, 4),
            "learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True),
            "hidden_words": trial.suggest_float("hidden_words", 0.0, 0.2),
            "layers": trial.suggest_int("layers", 2, 4),
            "width": trial.suggest_categorical("width", [96, 128, 192]),
            "fine_tuning_rate": trial.suggest_float("fine_tuning_rate", 1e-5, 5e-4, log=True),
            "fine_tuning_epochs": trial.suggest_int("fine_tuning_epochs", 2, 8),
        }

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return _fitted(batch.tolist(), truth, params, seed, log)
        finally:
            torch.set_num_threads(threads)

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        """The first precision that answers as the native model does, and each text as if it were alone."""
        checkpoint = cast(SentimentModel, model).checkpoint
        if checkpoint is None:
            raise ValueError("only a model with native weights can be exported")
        native, found = model.predict(sample), {}
        for precision in distilbert_onnx.precisions(checkpoint):
            distilbert_onnx.write(checkpoint, folder / ONNX_FILE, precision)
            found = _apart(SentimentModel.load(folder), native, sample)
            if found["equal_labels"] >= EQUAL_LABELS and found["neighbour_difference"] <= NEIGHBOURS:
                return found
        (folder / ONNX_FILE).unlink()  # then torch serves
        return found


def _apart(fast: SentimentModel, native: Outputs, sample: Batch) -> dict[str, float]:
    together, few = fast.predict(sample), sample[:ALONE]
    alone = np.concatenate([fast.predict(few[place : place + 1]) for place in range(len(few))])
    return {
        "max_difference": float(np.abs(together[:, 0] - native[:, 0]).max()),
        "equal_labels": float(((together[:, 0] >= 0.5) == (native[:, 0] >= 0.5)).mean()),
        "neighbour_difference": float(np.abs(alone[:, 0] - together[: len(few), 0]).max()),
    }


def _fitted(given: list[str], truth: Truth, params: Params, seed: int, log: Log) -> Fitted:
    def lesson(content: list[str], labels: Truth, *, new: bool) -> Lesson:
        return Lesson(
            content,
            labels,
            epochs=int(params["epochs" if new else "fine_tuning_epochs"]),
            rate=float(params["learning_rate" if new else "fine_tuning_rate"]),
            batch_tokens=int(params["batch_tokens"]),
            dropout=0.0 if new else float(params["dropout"]),
            hidden_words=float(params["hidden_words"]),
            new=new,
        )

    base = str(params["base"])
    if base:
        checkpoint, tokenizer = distilbert.open_base(Path(base).expanduser())
        lessons = [lesson(given, truth, new=False)]
    else:
        made = int(params["made_first"]) if len(given) < FEW_TEXTS else 0
        # Another seed than any that a person asks for: what is held out of made reviews is not met here.
        reviews = ReviewMaker(-1 - seed).make(made)
        first = [normalise(review.text) for review in reviews]
        tokenizer = new_tokenizer([*first, *given], int(params["vocabulary"]))
        checkpoint = distilbert.new_checkpoint(
            tokenizer.core.get_vocab_size(), **{name: int(params[name]) for name in ("layers", "width", "heads")}
        )
        lessons = [lesson(first, np.array([review.label for review in reviews]), new=True)] if made else []
        lessons.append(lesson(given, truth, new=not made))
    distilbert.learn(checkpoint, tokenizer, lessons, seed, log)
    return Fitted(SentimentModel.of(checkpoint, tokenizer), base=base or None)


RECIPE = SentimentRecipe()
