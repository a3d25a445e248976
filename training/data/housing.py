"""Districts: made ones, and the public California housing table in each form in which it is found.

**Made** (``make``), the truth that a model can find:

    log(price) = 11.15 + 0.62 log(income)            dearer where people earn more
               + 0.50 exp(-coast_km / 20)            the coast
               + premium(towns) + 0.10 wealth        place, see ``california``
               - 0.40 log(occupancy / 2.8)           crowding
               + 0.15 log(rooms / 5.2)
               + 0.005 (age - 28) * (inside a dear town, else -0.6 of it)
               + noise, standard deviation 0.20

in 1990 USD, kept between 14,999 and 500,001 as the census did (about 3 in 100 rows stand on the upper bound). Income is
skewed and follows the patchwork; rooms follow income, holiday places have many rooms and few people; 1 in 100 rows has
no bedrooms recorded.

**Read** (``read``): the card's columns and ``price_usd``; or scikit-learn's names (target in 100,000 USD); or the
census form with totals, where ``average_rooms = total_rooms / households``, and so for bedrooms and occupancy
(``population / households``), ``house_age = housing_median_age``. Other columns (``ocean_proximity``) are ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from bentos.housing.card import HousingRow
from jubako.card import Row
from jubako.training import public
from jubako.training.recipe import Dataset
from jubako.training.tables import Layout, Target, check, dataset, nearest, read_csv
from training.data import california

if TYPE_CHECKING:
    import pandas as pd

MADE_ROWS = 20_000
LOWEST, HIGHEST = 14_999.0, 500_001.0

Usd = Annotated[float, Field(gt=0, le=100_000_000)]
HundredThousands = Annotated[float, Field(gt=0, le=1_000)]
Total = Annotated[float, Field(gt=0, le=10_000_000)]


class Census(Row):
    """The public table as published: totals of a block group instead of averages."""

    longitude: Annotated[float, Field(ge=-124.7, le=-114)]
    latitude: Annotated[float, Field(ge=32, le=42.1)]
    housing_median_age: Annotated[float, Field(ge=0, le=150)]
    total_rooms: Total
    total_bedrooms: Total | None
    population: Annotated[float, Field(ge=0, le=100_000)]
    households: Total
    median_income: Annotated[float, Field(ge=0, le=50)]


CARD_LAYOUT = Layout(Target("price_usd", Usd))
SKLEARN_LAYOUT = Layout(
    Target("MedHouseVal", HundredThousands),
    {
        "median_income": "MedInc",
        "house_age": "HouseAge",
        "average_rooms": "AveRooms",
        "average_bedrooms": "AveBedrms",
        "population": "Population",
        "average_occupancy": "AveOccup",
        "latitude": "Latitude",
        "longitude": "Longitude",
    },
)
CENSUS_LAYOUT = Layout(Target("median_house_value", Usd))


def make(seed: int, size: int | None = None) -> Dataset:
    table = made_table(seed, size or MADE_ROWS)
    return from_table(table, f"made (seed {seed}, {len(table)} rows)")


def read(path: Path) -> Dataset:
    return from_table(read_csv(path), str(path))


def fetch(source: str) -> Dataset:
    return from_table(public.california_housing() if source == "sklearn" else public.hub(source), source)


def from_table(table: pd.DataFrame, source: str) -> Dataset:
    if {"households", "total_rooms", "total_bedrooms"} & set(table.columns):
        table = _averages(table, source)
    layout = nearest(table, HousingRow, (CARD_LAYOUT, SKLEARN_LAYOUT))
    checked = check(table, HousingRow, layout, source)
    unit = 100_000.0 if layout is SKLEARN_LAYOUT else 1.0
    return dataset(checked.rows, np.array(checked.truth, dtype=np.float64) * unit, source)


def _averages(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """The census form as a table with the card's columns; its own complaints name its own columns."""
    import pandas as pd

    checked = check(table, Census, CENSUS_LAYOUT, source)
    census = pd.DataFrame([row.__dict__ for row in checked.rows]).astype(np.float64)
    return pd.DataFrame(
        {
            "median_income": census.median_income,
            "house_age": census.housing_median_age,
            "average_rooms": census.total_rooms / census.households,
            "average_bedrooms": census.total_bedrooms / census.households,
            "population": census.population,
            "average_occupancy": census.population / census.households,
            "latitude": census.latitude,
            "longitude": census.longitude,
            "price_usd": checked.truth,
        }
    )


def made_table(seed: int, size: int) -> pd.DataFrame:
    import pandas as pd

    chance = np.random.default_rng(seed)
    normal = chance.standard_normal
    latitude, longitude = california.draw_places(chance, size)
    coast = california.coast_km(latitude, longitude)
    premium = california.premium(latitude, longitude)
    wealth = california.wealth(latitude, longitude)

    income = np.exp(1.2 + 0.25 * premium + 0.18 * wealth + 0.40 * normal(size)).clip(0.4999, 15.0001)
    age = (29 + 9 * np.tanh(2 * premium) + 12 * normal(size)).clip(1, 52).round()
    occupancy = 2.85 * np.exp(-0.10 * np.log(income / 3.5) + 0.22 * normal(size))
    occupancy *= np.where(chance.random(size) < 0.003, chance.lognormal(2.0, 1.2, size), 1.0)  # barracks and prisons
    rooms = 5.1 * (income / 3.5) ** 0.42 * np.exp(-0.003 * (age - 28) + 0.15 * normal(size))
    holiday = chance.random(size) < 0.015 * (premium < 0.05)
    rooms *= np.where(holiday, chance.lognormal(1.0, 0.6, size), 1.0)
    bedrooms = 1.05 * np.exp(0.07 * normal(size)) * np.where(holiday, rooms / 6.0, 1.0)
    population = np.exp(7.05 - 0.006 * (age - 28) + 0.65 * normal(size)) * np.where(holiday, 0.3, 1.0)

    logarithm = (
        11.15
        + 0.62 * np.log(income)
        + 0.50 * np.exp(-coast / 20)
        + premium
        + 0.10 * wealth
        - 0.40 * np.log(occupancy.clip(1.2, 6) / 2.8)
        + 0.15 * np.log(rooms.clip(2, 10) / 5.2)
        + 0.005 * (age - 28) * np.where(premium > 0.2, 1.0, -0.6)
        + 0.20 * normal(size)
    )
    bedrooms[chance.random(size) < 0.01] = np.nan
    return pd.DataFrame(
        {
            "median_income": income.round(4),
            "house_age": age,
            "average_rooms": rooms.clip(0.8, 145).round(4),
            "average_bedrooms": bedrooms.clip(0.33, 35).round(4),
            "population": population.clip(3, 36_000).round(),
            "average_occupancy": occupancy.clip(0.7, 1_250).round(4),
            "latitude": latitude,
            "longitude": longitude,
            "price_usd": np.exp(logarithm).round(-2).clip(LOWEST, HIGHEST),
        }
    )
