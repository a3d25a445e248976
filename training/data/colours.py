"""Which colours a name means: boxes of hue, saturation and value with room between them.

What lies between two boxes (pink, olive, turquoise, a dark red that might be brown) has no name, so that nobody can
quarrel about a picture's truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bentos.image.card import COLOURS, Colour

Floats = NDArray[np.float32]
Range = tuple[float, float]
UNNAMED = len(COLOURS)
"""The place of "no name" behind the places of the names."""


@dataclass(frozen=True, slots=True)
class Region:
    hue: Range
    """In turns; red lies around 0 and so begins below it."""
    saturation: Range
    value: Range

    def draw(self, chance: np.random.Generator) -> Floats:
        """A colour in the middle of the region: light and noise may move it a little before it loses its name."""
        hue = chance.uniform(*_middle(self.hue))
        return rgb(np.array([hue % 1, chance.uniform(*_middle(self.saturation)), chance.uniform(*_middle(self.value))]))


ANY_HUE = (0.0, 1.0)
REGIONS: dict[Colour, Region] = {
    "black": Region(ANY_HUE, (0.0, 1.0), (0.0, 0.18)),
    "white": Region(ANY_HUE, (0.0, 0.10), (0.85, 1.0)),
    "grey": Region(ANY_HUE, (0.0, 0.12), (0.28, 0.76)),
    "red": Region((-12 / 360, 9 / 360), (0.55, 1.0), (0.40, 1.0)),
    "brown": Region((14 / 360, 40 / 360), (0.45, 0.95), (0.22, 0.56)),
    "orange": Region((19 / 360, 40 / 360), (0.65, 1.0), (0.78, 1.0)),
    "yellow": Region((46 / 360, 66 / 360), (0.45, 1.0), (0.72, 1.0)),
    "green": Region((85 / 360, 165 / 360), (0.30, 1.0), (0.25, 1.0)),
    "blue": Region((195 / 360, 250 / 360), (0.40, 1.0), (0.28, 1.0)),
    "purple": Region((265 / 360, 312 / 360), (0.30, 1.0), (0.25, 1.0)),
}


def _middle(edges: Range, margin: float = 0.15) -> Range:
    """Without the outer parts; an edge that is an end of the scale needs no margin.

    >>> _middle((0.0, 0.2)), _middle((0.5, 0.9))
    ((0.0, 0.17), (0.56, 0.84))
    """
    low, high = edges
    room = margin * (high - low)
    return (low + room if low not in (0.0, 1.0) else low, round(high - room, 6) if high != 1.0 else high)


def rgb(hsv: NDArray[np.float64]) -> Floats:
    """
    >>> rgb(np.array([0.0, 1.0, 0.5])).tolist(), rgb(np.array([0.5, 0.5, 1.0])).tolist()
    ([0.5, 0.0, 0.0], [0.5, 1.0, 1.0])
    """
    hue, saturation, value = hsv
    steps = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    colour: Floats = (value - value * saturation * np.clip(np.minimum(steps, 4 - steps), 0, 1)).astype(np.float32)
    return colour


def names(picture: Floats) -> NDArray[np.uint8]:
    """The place in ``COLOURS`` of each pixel's name, ``UNNAMED`` where it has none. Pixels are RGB from 0 to 1.

    >>> [(*COLOURS, "unnamed")[name] for name in names(np.float32([[1, 0, 0], [0.4, 0.2, 0.1], [1, 0.7, 0.8]]))]
    ['red', 'brown', 'unnamed']
    """
    red, green, blue = (np.ascontiguousarray(picture[..., place]) for place in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(spread, np.float32(1e-6))
    sixth: Floats = np.where(
        value == red, (green - blue) / safe, np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    )
    hue = sixth / np.float32(6)
    hue[hue < -1 / 12] += 1  # cut between purple and red, so that each is one piece
    saturation = spread / np.maximum(value, np.float32(1e-6))
    found = np.full(value.shape, UNNAMED, np.uint8)
    for place, colour in enumerate(COLOURS):
        region = REGIONS[colour]
        inside = _within(saturation, region.saturation) & _within(value, region.value)
        if region.hue != ANY_HUE:
            inside &= _within(hue, region.hue)
        found[inside] = place
    return found


def _within(numbers: NDArray[np.floating[Any]], edges: Range) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (numbers >= edges[0]) & (numbers <= edges[1])
    return inside


def shares(picture: Floats) -> NDArray[np.float64]:
    """How much of the picture each name covers; the last is what has none."""
    counts = np.bincount(names(picture).ravel(), minlength=UNNAMED + 1)
    covered: NDArray[np.float64] = counts / counts.sum()
    return covered
