from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jubako.card import Batching, Card, Gate, Prediction, Row, Signal, signals_of


class HousingRow(Row):
    """A block group of the 1990 Californian census."""

    median_income: Annotated[float, Field(ge=0, le=50, description="Median household income, in 10,000 USD")]
    house_age: Annotated[float, Field(ge=0, le=150, description="Median age of the houses, in years")]
    average_rooms: Annotated[float, Field(gt=0, le=500, description="Rooms for each household")]
    average_bedrooms: Annotated[
        float | None, Field(gt=0, le=200, description="Bedrooms for each household; null when not recorded")
    ]
    population: Annotated[float, Field(ge=0, le=100_000)]
    average_occupancy: Annotated[float, Field(gt=0, le=5_000, description="People in each household")]
    latitude: Annotated[float, Field(ge=32, le=42.1)]
    longitude: Annotated[float, Field(ge=-124.7, le=-114)]


class HousingPrediction(Prediction):
    price_usd: float


CARD = Card(
    name="housing",
    title="The median house price of a Californian district",
    framework="xgboost",
    task="regression",
    row=HousingRow,
    prediction=HousingPrediction,
    outputs=("price_usd",),
    gate=Gate("r2", 0.75, tolerance=0.02),
    batching=Batching(max_rows=1024),
    signals=signals_of(
        HousingRow,
        median_income=(0.4, 16.0),
        house_age=(0.0, 60.0),
        average_rooms=(0.5, 150.0),
        average_bedrooms=(0.2, 40.0),
        population=(1.0, 40_000.0),
        average_occupancy=(0.5, 1_500.0),
        latitude=(32.4, 42.0),
        longitude=(-124.5, -114.2),
    ),
    answer_signals=(Signal("price_usd", "number", low=0.0, high=700_000.0),),
    examples=(
        {
            "median_income": 8.3252,
            "house_age": 41.0,
            "average_rooms": 6.98,
            "average_bedrooms": 1.02,
            "population": 322.0,
            "average_occupancy": 2.56,
            "latitude": 37.88,
            "longitude": -122.23,
        },
        {
            "median_income": 2.1,
            "house_age": 22.0,
            "average_rooms": 4.6,
            "average_bedrooms": None,
            "population": 1380.0,
            "average_occupancy": 3.1,
            "latitude": 36.74,
            "longitude": -119.79,
        },
    ),
)
