"""Made pictures: one colour is meant to lead, others compete with it, light falls unevenly on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bentos.image.card import COLOURS
from training.data.colours import REGIONS, UNNAMED, Floats, names, shares
from training.data.shapes import Grid, Mask, cells, patches, pattern, shape, waves

LEAD = 0.06
"""By how much of the picture the leading colour covers more than any other, and than what has no name."""
SMALLEST, LARGEST = 24, 200


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture as lit, before any noise: what its truth is measured on."""

    picture: Floats
    """RGB from 0 to 1."""
    seen: Mask | None = None
    """What is not transparent; None where everything is there."""


def draw(chance: np.random.Generator, colour: int) -> Scene:
    """A scene whose leading colour is the wanted one. Drawn anew until that is true of the pixels themselves."""
    while True:
        grid = Grid.of(*_sides(chance))
        scene = _scene(chance, grid, _palette(chance, colour))
        if leading(scene.picture) == colour:
            return scene


def leading(picture: Floats) -> int | None:
    """The place in ``COLOURS`` of the name that covers most; None where it does not lead clearly.

    >>> leading(np.float32([[[1, 0, 0], [1, 0, 0], [0, 0, 1]]])) == COLOURS.index("red")
    True
    >>> leading(np.float32([[[1, 0, 0], [0, 0, 1]]])) is None
    True
    """
    covered = shares(picture)
    second, first = np.argsort(covered)[-2:]
    clear = first != UNNAMED and covered[first] - covered[second] >= LEAD
    return int(first) if clear else None


def _sides(chance: np.random.Generator) -> tuple[int, int]:
    """Small pictures are as frequent as large ones, upright as frequent as wide."""
    long = np.exp(chance.uniform(np.log(SMALLEST), np.log(LARGEST)))
    sides = round(long), round(max(SMALLEST, long * chance.uniform(0.5, 1.0)))
    return sides if chance.random() < 0.5 else sides[::-1]


def _palette(chance: np.random.Generator, colour: int) -> list[int]:
    """The wanted colour, then one to four others; sometimes one without a name."""
    others = [place for place in range(len(COLOURS)) if place != colour]
    chosen: list[int] = chance.choice(others, chance.integers(1, 5), replace=False).tolist()
    if chance.random() < 0.15:
        chosen[-1] = UNNAMED
    return [colour, *chosen]


def _scene(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Scene:
    kind = int(chance.choice(len(KINDS), p=[weight for _, weight in KINDS]))
    picture = KINDS[kind][0](chance, grid, palette)
    picture = np.clip(picture * _light(chance, grid)[..., None] * _tint(chance), 0, 1)
    if chance.random() < 0.05:  # something cut out, as stickers and icons are
        seen = shape(chance, grid, chance.uniform(0.4, 1.2)) | shape(chance, grid, chance.uniform(0.1, 0.6))
        return Scene(np.where(seen[..., None], picture, np.float32(1)), seen)
    return Scene(picture)


def _paint(chance: np.random.Generator, grid: Grid, picture: Floats, mask: Mask, colour: int) -> None:
    """Every pixel under the mask in the colour: flat, a gradient between two of its shades, or two in a texture."""
    if not mask.any():
        return
    here = Grid(grid.x[mask], grid.y[mask])
    first, second = (_shade(chance, colour) for _ in range(2))
    kind = chance.integers(4)
    if kind == 0:
        picture[mask] = first
        return
    if kind == 1:
        across, _ = here.turned(chance)
        mix = (across - across.min()) / max(float(np.ptp(across)), 1e-6)
    elif kind == 2:
        mix = (1 + waves(chance, here, 2, 12)) / 2
    else:
        fine = Grid(here.x * np.float32(3), here.y * np.float32(3))
        mix = pattern(chance, fine, 0.5).astype(np.float32)
    picture[mask] = first + (second - first) * mix[:, None]


def _shade(chance: np.random.Generator, colour: int) -> Floats:
    if colour != UNNAMED:
        return REGIONS[COLOURS[colour]].draw(chance)
    while True:
        found = chance.random(3, np.float32)
        if names(found[None])[0] == UNNAMED:
            return found


def _things_on_ground(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Floats:
    """The leading colour is what things lie on."""
    picture = _parts(chance, grid, palette[:1], np.zeros(grid.x.shape, np.uint8))
    for place in range(chance.integers(1, 7)):
        mask = shape(chance, grid, chance.uniform(0.02, 0.35))
        _paint(chance, grid, picture, mask, palette[1 + place % (len(palette) - 1)])
    return picture


def _things_that_lead(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Floats:
    """The leading colour is that of the things, the ground may even be a mixture."""
    picture = _mosaic(chance, grid, palette[1:])
    for _ in range(chance.integers(1, 5)):
        _paint(chance, grid, picture, shape(chance, grid, chance.uniform(0.2, 0.8)), palette[0])
    return picture


def _pattern(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Floats:
    return _parts(chance, grid, palette, pattern(chance, grid, chance.uniform(0.25, 0.45)))


def _mosaic(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Floats:
    return _parts(chance, grid, palette, cells(chance, grid, _shares(chance, len(palette))))


def _patches(chance: np.random.Generator, grid: Grid, palette: Sequence[int]) -> Floats:
    return _parts(chance, grid, palette, patches(chance, grid, _shares(chance, len(palette))))


def _shares(chance: np.random.Generator, count: int) -> list[float]:
    """The first leads, by little or by much; the others share the rest as it comes."""
    if count == 1:
        return [1.0]
    first = chance.uniform(1 / count + 0.1, 0.8)
    return [first, *(chance.dirichlet(np.full(count - 1, 2.0)) * (1 - first))]


def _parts(chance: np.random.Generator, grid: Grid, palette: Sequence[int], owner: NDArray[Any]) -> Floats:
    picture = np.empty((*grid.x.shape, 3), np.float32)
    for place, colour in enumerate(palette):
        _paint(chance, grid, picture, owner == place, colour)
    return picture


def _light(chance: np.random.Generator, grid: Grid) -> Floats:
    """Between 0.8 and 1.12 of the colour: from one side, or brightest at some place."""
    low, high = np.sort(chance.uniform(0.8, 1.12, 2)).tolist()
    right, bottom = grid.corner
    across, down = grid.turned(chance, (chance.uniform(0, right), chance.uniform(0, bottom)))
    height = across if chance.random() < 0.5 else -(across**2 + down**2)
    risen: Floats = (height - height.min()) / max(float(np.ptp(height)), 1e-6)
    light: Floats = low + (high - low) * risen
    return light


def _tint(chance: np.random.Generator) -> Floats:
    """A camera that is a little too warm or too cold."""
    return chance.uniform(0.97, 1.03, 3).astype(np.float32)


Composition = Callable[[np.random.Generator, Grid, Sequence[int]], Floats]
KINDS: Sequence[tuple[Composition, float]] = (
    (_things_on_ground, 0.25),
    (_things_that_lead, 0.2),
    (_pattern, 0.15),
    (_mosaic, 0.2),
    (_patches, 0.2),
)
