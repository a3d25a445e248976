from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jubako.card import Batching, Card, Gate, Prediction, Row, Signal


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
    signals=(
        Signal("median_income", "number", low=0.4, high=16.0),
        Signal("house_age", "number", low=0.0, high=60.0),
        Signal("average_rooms", "number", low=0.5, high=150.0),
        Signal("average_bedrooms", "number", low=0.2, high=40.0, optional=True),
        Signal("population", "number", low=1.0, high=40_000.0),
        Signal("average_occupancy", "number", low=0.5, high=1_500.0),
        Signal("latitude", "number", low=32.4, high=42.0),
        Signal("longitude", "number", low=-124.5, high=-114.2),
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
