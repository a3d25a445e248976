"""The smallest trainings whose models still pass their gates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.homes import Home, forget

if TYPE_CHECKING:
    from jubako.training.data import TrainingRequest


def train_small(place: Home, names: tuple[str, ...]) -> None:
    """A small version of each of these models, in production there."""
    from jubako.training.loop import train
    from tests.five import COLLECTION

    with pytest.MonkeyPatch.context() as patch:
        place.use(patch)
        # Two threads that wait for each other on a busy machine take far longer than one.
        patch.setattr("training.sentiment.THREADS", 1)
        for name in names:
            outcome = train(COLLECTION.recipes[name], small_request(name, place.root))
            assert outcome.stage == "production", outcome.why_not
    forget()


def small_request(name: str, folder: Path) -> TrainingRequest:
    """Texts and pictures are easy ones, so that a small net learns them in seconds."""
    from jubako.training.data import TrainingRequest

    if name == "iris":
        return TrainingRequest(params={"trees": 20})
    if name == "image":
        params: dict[str, int | float] = {"epochs": 12, "batch_size": 32, "width": 24}
        return TrainingRequest(data=str(easy_pictures(folder / "pictures")), params=params)
    if name == "sentiment":
        file = folder / "texts.tsv"
        file.write_text("\n".join(f"{text}\t{label}" for text, label in easy_texts()) + "\n")
        params = {"made_first": 0, "batch_tokens": 256, "epochs": 3, "learning_rate": 2e-3}
        return TrainingRequest(
            data=str(file), params={**params, "layers": 1, "width": 64, "heads": 2, "vocabulary": 400}
        )
    return TrainingRequest(size=6_000)


def easy_texts() -> Iterator[tuple[str, int]]:
    """Short reviews that one word decides."""
    things = ["phone", "case", "battery", "charger", "headset", "screen", "cable", "speaker", "kettle", "jacket"]
    words = {
        1: ["great", "lovely", "excellent", "perfect", "superb"],
        0: ["awful", "bad", "terrible", "broken", "poor"],
    }
    frames = ["The {thing} is {word}.", "A {word} {thing}.", "I find this {thing} {word}!", "{word} {thing}, I think"]
    for thing in things:
        for frame in frames:
            for label, choices in words.items():
                for word in choices:
                    for end in ("", " It came on Monday.", " My sister has one too."):
                        yield frame.format(thing=thing, word=word) + end, label


def easy_pictures(folder: Path, each: int = 60) -> Path:
    """A folder of noisy pictures for each colour, with a patch of another colour."""
    from PIL import Image

    from training.data.colours import REGIONS

    chance = np.random.default_rng(7)
    for name, region in REGIONS.items():
        (folder / name).mkdir(parents=True)
        for place in range(each):
            levels = np.tile(region.draw(chance), (32, 32, 1))
            left, top = chance.integers(0, 24, 2)
            levels[top : top + 8, left : left + 8] = chance.random(3)
            levels += chance.normal(0, 0.03, levels.shape)
            pixels = (levels.clip(0, 1) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{place}.png")
    return folder
