"""A DistilBERT to begin with (new, or a checkpoint of somebody's), and how it learns labels from texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bentos.sentiment.card import LABELS
from bentos.sentiment.distilbert import DistilBert
from jubako.text import MAX_TOKENS, TOKENIZER_FILE, Tokenizer, padded
from jubako.training.recipe import DataRefused, Log, Truth
from training.wordpiece import VOCABULARY_FILE, base_tokenizer

if TYPE_CHECKING:
    import torch

INNER = 2
"""How much wider a layer is inside. Twice learns as well as the usual four times, in three quarters of the time."""
WARMING = 0.1
"""The share of the steps in which the learning rate rises."""
CALM = 0.3
"""The share, after warming, in which it stays; then it falls to nothing."""
STEEPEST = 1.0
"""Gradients are not longer than this."""
MATRIX_RATE = 5.0
"""How much faster matrices learn than the rest, under Muon."""
TOLD_EVERY = 50
"""Steps between two lines of the log."""


@dataclass(frozen=True)
class Lesson:
    """Texts to learn from, and how."""

    texts: Sequence[str]
    truth: Truth
    epochs: int
    rate: float
    batch_tokens: int
    dropout: float
    hidden_words: float
    """The share of tokens that are made unknown, so that no text hangs on one word."""
    new: bool
    """Whether the weights know nothing yet."""


def new_checkpoint(vocabulary: int, *, layers: int, width: int, heads: int) -> DistilBert:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=vocabulary,
        dim=width,
        hidden_dim=INNER * width,
        n_layers=layers,
        n_heads=heads,
        max_position_embeddings=MAX_TOKENS,
        pad_token_id=0,
        **_LABELS,
    )
    return _of(DistilBertForSequenceClassification(config))


_LABELS = {"id2label": dict(enumerate(LABELS)), "label2id": {label: place for place, label in enumerate(LABELS)}}


def open_base(folder: Path) -> tuple[DistilBert, Tokenizer]:
    """A checkpoint as Hugging Face stores it: ``config.json``, ``model.safetensors``, ``tokenizer.json``/``vocab.txt``.

    What it cannot know (the classes) begins anew.
    """
    from transformers import DistilBertConfig, DistilBertForSequenceClassification
    from transformers.utils import logging

    complaints = [
        f"{name} is missing"
        for name, there in {
            "config.json": (folder / "config.json").is_file(),
            "model.safetensors": (folder / "model.safetensors").is_file(),
            f"{TOKENIZER_FILE} (or {VOCABULARY_FILE})": any(
                (folder / name).is_file() for name in (TOKENIZER_FILE, VOCABULARY_FILE)
            ),
        }.items()
        if not there
    ]
    if complaints:
        raise DataRefused(f"the checkpoint {folder}", complaints)
    told = logging.get_verbosity()
    logging.set_verbosity_error()  # that the classes are new is meant
    try:
        config = DistilBertConfig.from_pretrained(folder, local_files_only=True, **_LABELS)
        if config.model_type != "distilbert":
            raise DataRefused(f"the checkpoint {folder}", [f"it is of type {config.model_type}, not distilbert"])
        net = DistilBertForSequenceClassification.from_pretrained(
            folder, config=config, local_files_only=True, use_safetensors=True, ignore_mismatched_sizes=True
        )
    finally:
        logging.set_verbosity(told)
    return _of(net), base_tokenizer(folder, min(MAX_TOKENS, config.max_position_embeddings))


def _of(net: torch.nn.Module) -> DistilBert:
    config = {name: value for name, value in net.config.to_dict().items() if value is not None}  # type: ignore[operator, union-attr]
    return DistilBert(
        {**config, "architectures": [type(net).__name__], "dtype": "float32"}, dict(net.named_parameters())
    )


def learn(checkpoint: DistilBert, tokenizer: Tokenizer, lessons: Sequence[Lesson], seed: int, log: Log) -> None:
    """Change the checkpoint's weights so that it answers as the lessons' truth does."""
    plans = [_Plan(lesson, tokenizer) for lesson in lessons]
    rng = np.random.default_rng(seed)
    whole, step = sum(plan.steps for plan in plans), 0
    losses: list[float] = []
    for plan in plans:
        optimizers = _optimizers(checkpoint, plan.lesson)
        for number, places in enumerate(plan.order(rng)):
            _turn(optimizers, share(number / plan.steps))
            losses.append(_improve(checkpoint, optimizers, plan, places, rng))
            step += 1
            if step % TOLD_EVERY == 0 or step == whole:
                log("train_loss", float(np.mean(losses)), step)
                log("progress", step / whole, step)
                losses.clear()


def share(done: float) -> float:
    """The learning rate, as a share of its height: up, level, down to nothing.

    >>> [round(share(done), 2) for done in (0.05, 0.1, 0.4, 0.7, 1.0)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    return min(done / WARMING, 1.0, (1 - done) / (1 - WARMING - CALM))


class _Plan:
    """A lesson in steps: every text once an epoch, in batches of alike length, in another order each time."""

    def __init__(self, lesson: Lesson, tokenizer: Tokenizer) -> None:
        self.lesson = lesson
        self.pad, self.unknown = tokenizer.pad, tokenizer.unknown
        self.lines = tokenizer(lesson.texts)
        self._lengths = np.array([len(line) for line in self.lines])
        self.steps = lesson.epochs * sum(1 for _ in self._batches(np.arange(len(self.lines))))

    def order(self, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        for _ in range(self.lesson.epochs):
            batches = list(self._batches(rng.permutation(len(self.lines))))
            for place in rng.permutation(len(batches)):
                yield batches[place]

    def _batches(self, order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Equally many whatever the order is, because lengths fall into the same places."""
        order = order[np.argsort(self._lengths[order], kind="stable")]
        start = 0
        for place in range(1, len(order) + 1):
            if place == len(order) or (place + 1 - start) * self._lengths[order[place]] > self.lesson.batch_tokens:
                yield order[start:place]
                start = place


def _optimizers(checkpoint: DistilBert, lesson: Lesson) -> list[torch.optim.Optimizer]:
    """From nothing, Muon for the matrices between the layers: a third fewer steps than with Adam. Else Adam alone."""
    import torch

    names = {name for name, one in checkpoint.weights.items() if lesson.new and one.ndim == 2 and ".layer." in name}
    others = [one for name, one in checkpoint.weights.items() if name not in names]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=lesson.rate, weight_decay=0.01, fused=True)]
    if names:
        matrices = [checkpoint.weights[name] for name in sorted(names)]
        rate = lesson.rate * MATRIX_RATE
        found.append(torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    return found


def _turn(optimizers: Sequence[torch.optim.Optimizer], height: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * height


def _improve(
    checkpoint: DistilBert,
    optimizers: Sequence[torch.optim.Optimizer],
    plan: _Plan,
    places: NDArray[np.intp],
    rng: np.random.Generator,
) -> float:
    import torch
    from torch.nn import functional

    tokens, mask = padded([plan.lines[place] for place in places], plan.pad)
    hidden = rng.random(tokens.shape) < plan.lesson.hidden_words
    hidden[:, 0] = False
    tokens[hidden & (mask == 1)] = plan.unknown
    logits = checkpoint.logits(torch.from_numpy(tokens), torch.from_numpy(mask), plan.lesson.dropout)
    loss = functional.cross_entropy(logits, torch.from_numpy(plan.lesson.truth[places]))
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call] # torch's own decorator
    torch.nn.utils.clip_grad_norm_(checkpoint.weights.values(), STEEPEST)
    for optimizer in optimizers:
        optimizer.step()
    return float(loss.detach())
