"""Masks on a picture: shapes, stripes, patches. Coordinates run from 0 to 1 along the shorter side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pixels of a picture lie."""

    x: Floats
    y: Floats

    @classmethod
    def of(cls, width: int, height: int) -> Grid:
        scale = 1 / min(width, height)
        y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(scale)
        return cls(x, y)

    @property
    def corner(self) -> tuple[float, float]:
        return float(self.x[-1, -1]), float(self.y[-1, -1])

    def turned(self, chance: np.random.Generator, place: tuple[float, float] = (0.0, 0.0)) -> tuple[Floats, Floats]:
        """The coordinates seen from a place, turned by any angle."""
        angle = chance.uniform(0, 2 * np.pi)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = self.x - np.float32(place[0]), self.y - np.float32(place[1])
        return cos * x + sin * y, cos * y - sin * x


def shape(chance: np.random.Generator, grid: Grid, area: float) -> Mask:
    """One shape of about this area anywhere on the picture; parts of it may lie outside."""
    right, bottom = grid.corner
    place = (chance.uniform(0, right), chance.uniform(0, bottom))
    stretch = chance.uniform(0.6, 1.6)
    across, down = grid.turned(chance, place)
    across, down = across / np.float32(stretch), down * np.float32(stretch)
    away = np.sqrt(across**2 + down**2)
    inside: Mask
    match int(chance.integers(5)):
        case 0:  # an ellipse
            inside = away < np.sqrt(area / np.pi)
        case 1:  # a rectangle
            inside = np.maximum(np.abs(across), np.abs(down)) < np.sqrt(area) / 2
        case 2:  # a triangle
            half = np.sqrt(area / 1.3)
            inside = (down > -half / 2) & (2 * np.abs(across) + down < half)
        case 3:  # a ring
            inside = np.abs(away - np.sqrt(area) * 0.55) < np.sqrt(area) * 0.29
        case _:  # a flower or a star
            leaves = chance.integers(3, 8)
            inside = away < np.sqrt(area / 3.4) * (1 + 0.4 * np.cos(leaves * np.arctan2(down, across)))
    return inside


def stripes(chance: np.random.Generator, grid: Grid, share: float) -> Mask:
    across, _ = grid.turned(chance)
    inside: Mask = (across * np.float32(chance.uniform(1.5, 5)) + chance.uniform(0, 1)) % 1 < share
    return inside


def checks(chance: np.random.Generator, grid: Grid, share: float) -> Mask:
    """Rectangles in rows; the share is theirs."""
    across, down = (part * np.float32(chance.uniform(2, 5)) % 1 for part in grid.turned(chance))
    inside: Mask = np.maximum(across, down) < np.sqrt(share)
    return inside


def dots(chance: np.random.Generator, grid: Grid, share: float) -> Mask:
    often = np.float32(chance.uniform(2, 5))
    across, down = (part * often % 1 - 0.5 for part in grid.turned(chance))
    inside: Mask = across**2 + down**2 < share / np.pi
    return inside


def pattern(chance: np.random.Generator, grid: Grid, share: float) -> Mask:
    """One of the three above, coarse enough to be seen in a small picture."""
    return (stripes, checks, dots)[int(chance.integers(3))](chance, grid, share)


def cells(chance: np.random.Generator, grid: Grid, parts: Sequence[float]) -> NDArray[np.intp]:
    """A mosaic: each pixel belongs to the nearest of some points, each point to a part with its share."""
    right, bottom = grid.corner
    points = int(chance.integers(6, 24))
    places = chance.uniform(0, 1, (points, 2)) * (right, bottom)
    owner = np.searchsorted(np.cumsum(parts) / np.sum(parts), (chance.permutation(points) + 0.5) / points)
    away = [(grid.x - np.float32(x)) ** 2 + (grid.y - np.float32(y)) ** 2 for x, y in places]
    nearest: NDArray[np.intp] = owner[np.argmin(away, axis=0)]
    return nearest


def patches(chance: np.random.Generator, grid: Grid, parts: Sequence[float]) -> NDArray[np.intp]:
    """Like camouflage or a map: slow waves cut at the heights that give each part its share."""
    height = waves(chance, grid, 2.0, 6.0)
    cuts = np.quantile(height, np.cumsum(parts)[:-1] / np.sum(parts))
    return np.searchsorted(cuts, height)


def waves(chance: np.random.Generator, grid: Grid, slowest: float, fastest: float) -> Floats:
    """A surface of a few waves, between -1 and 1."""
    height: Floats = np.zeros_like(grid.x)
    for _ in range(4):
        across, _down = grid.turned(chance)
        height += np.sin(across * np.float32(chance.uniform(slowest, fastest) * np.pi) + chance.uniform(0, 7))
    return height / np.float32(4)
