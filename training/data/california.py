"""A California to draw districts from: coast, border, towns and a patchwork of richer and poorer neighbourhoods.

Places and sizes are rounded from a map. The patchwork is frozen: it is part of the truth that a model can learn, and
must not change with the seed of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]
KM_PER_DEGREE = 111.0


@dataclass(frozen=True, slots=True)
class Town:
    latitude: float
    longitude: float
    share: float
    """Of all districts."""
    spread: float
    """Standard deviation of its districts from its middle, in degrees."""
    premium: float
    """What its middle adds to the logarithm of a price."""


TOWNS = (
    Town(34.05, -118.25, 0.27, 0.20, 0.30),  # Los Angeles
    Town(33.75, -117.87, 0.09, 0.13, 0.35),  # Orange County
    Town(32.80, -117.10, 0.08, 0.14, 0.20),  # San Diego
    Town(34.00, -117.35, 0.07, 0.20, -0.10),  # the Inland Empire
    Town(37.76, -122.43, 0.05, 0.06, 0.75),  # San Francisco
    Town(37.80, -122.18, 0.08, 0.13, 0.40),  # the East Bay
    Town(37.33, -121.90, 0.07, 0.13, 0.55),  # San Jose
    Town(38.58, -121.45, 0.06, 0.18, -0.05),  # Sacramento
    Town(36.75, -119.80, 0.04, 0.18, -0.25),  # Fresno
    Town(35.37, -119.00, 0.03, 0.18, -0.30),  # Bakersfield
    Town(34.43, -119.72, 0.02, 0.08, 0.45),  # Santa Barbara
    Town(36.65, -121.75, 0.02, 0.10, 0.30),  # Monterey
    Town(37.95, -121.30, 0.03, 0.15, -0.15),  # Stockton
    Town(33.75, -116.40, 0.02, 0.12, 0.10),  # Palm Springs
    Town(39.70, -121.95, 0.02, 0.35, -0.20),  # Chico and Redding
)

#: Latitude, longitude, from south to north.
COAST = np.array(
    [
        *((32.5, -117.13), (33.4, -117.62), (33.75, -118.40), (34.05, -118.90), (34.4, -119.70), (34.5, -120.45)),
        *((35.6, -121.20), (36.6, -121.95), (37.5, -122.50), (38.3, -123.05), (39.3, -123.80), (40.4, -124.25)),
        (42.0, -124.20),
    ]
)
BORDER = np.array([(32.5, -114.7), (34.3, -114.3), (35.0, -114.65), (39.0, -120.0), (42.0, -120.0)])


def draw_places(chance: np.random.Generator, size: int) -> tuple[Numbers, Numbers]:
    """Latitudes and longitudes: most districts around towns, the rest all over the country."""
    shares = np.array([town.share for town in TOWNS])
    town = chance.choice(len(TOWNS) + 1, size, p=[*shares, 1.0 - shares.sum()])
    middles = np.array([(t.latitude, t.longitude, t.spread) for t in TOWNS] + [(np.nan, np.nan, np.nan)])[town]
    latitude = middles[:, 0] + middles[:, 2] * chance.standard_normal(size)
    longitude = middles[:, 1] + middles[:, 2] * chance.standard_normal(size)
    rural = town == len(TOWNS)
    latitude[rural] = chance.uniform(32.6, 41.9, rural.sum())
    latitude = latitude.clip(32.55, 41.95)
    west, east = np.interp(latitude, *COAST.T), np.interp(latitude, *BORDER.T)
    longitude[rural] = (west + (east - west) * chance.beta(1.0, 1.6, size))[rural]
    longitude = np.where(longitude < west, 2 * west - longitude, longitude)  # nobody lives in the sea
    return latitude.round(2), longitude.clip(west, east).round(2)


def coast_km(latitude: Numbers, longitude: Numbers) -> Numbers:
    """How far inland a place lies, measured along its latitude."""
    west = np.interp(latitude, *COAST.T)
    distance: Numbers = (longitude - west).clip(0) * np.cos(np.radians(latitude)) * KM_PER_DEGREE
    return distance


def premium(latitude: Numbers, longitude: Numbers) -> Numbers:
    """What nearby towns add to the logarithm of a price."""
    total = np.zeros_like(latitude)
    for town in TOWNS:
        away = np.hypot(latitude - town.latitude, longitude - town.longitude) / (2.0 * town.spread)
        total += town.premium * np.exp(-(away**2))
    return total


def wealth(latitude: Numbers, longitude: Numbers) -> Numbers:
    """The patchwork: a smooth random field of about unit variance, with patches of 5 to 60 km."""
    frozen = np.random.default_rng(1990)
    waves, lengths = 40, frozen.uniform(0.1, 1.2, 40)
    angle, phase = frozen.uniform(0, 2 * np.pi, (2, waves))
    across = latitude[:, None] * np.sin(angle) + longitude[:, None] * np.cos(angle)
    field: Numbers = np.cos(2 * np.pi * across / lengths + phase).sum(axis=1) * np.sqrt(2 / waves)
    return field
