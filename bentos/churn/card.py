from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from jubako.card import NOT_BOOLEAN, Batching, Card, Gate, Prediction, Row, Signal, category, signals_of

YesNo = Literal["No", "Yes"]
Lines = Literal["No", "Yes", "No phone service"]
Extra = Literal["No", "Yes", "No internet service"]
Internet = Literal["No", "DSL", "Fiber optic"]
Contract = Literal["Month-to-month", "One year", "Two year"]
Payment = Literal["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"]


class ChurnRow(Row):
    """A telecom customer, with the values of the public Telco Customer Churn table."""

    gender: Literal["Female", "Male"]
    senior_citizen: Annotated[Literal[0, 1], NOT_BOOLEAN]
    partner: YesNo
    dependents: YesNo
    tenure_months: Annotated[int, Field(ge=0, le=1_200)]
    phone_service: YesNo
    multiple_lines: Lines
    internet_service: Internet
    online_security: Extra
    online_backup: Extra
    device_protection: Extra
    tech_support: Extra
    streaming_tv: Extra
    streaming_movies: Extra
    contract: Contract
    paperless_billing: YesNo
    payment_method: Payment
    monthly_charges: Annotated[float, Field(ge=0, le=10_000)]
    total_charges: Annotated[
        float | None, Field(ge=0, le=1_000_000, description="null for a customer who was never billed")
    ]


class ChurnPrediction(Prediction):
    will_churn: bool
    probability: Annotated[float, Field(description="Probability that the customer leaves")]


CARD = Card(
    name="churn",
    title="Whether a telecom customer is about to leave",
    framework="lightgbm",
    task="binary",
    row=ChurnRow,
    prediction=ChurnPrediction,
    outputs=("probability",),
    classes=("stays", "leaves"),
    gate=Gate("auc", 0.80, tolerance=0.01),
    batching=Batching(max_rows=1024),
    signals=signals_of(
        ChurnRow, tenure_months=(0.0, 120.0), monthly_charges=(10.0, 200.0), total_charges=(0.0, 20_000.0)
    ),
    answer_signals=(category(ChurnPrediction, "will_churn"), Signal("probability", "number", low=0.0, high=1.0)),
    examples=(
        {
            "gender": "Female",
            "senior_citizen": 0,
            "partner": "Yes",
            "dependents": "No",
            "tenure_months": 2,
            "phone_service": "Yes",
            "multiple_lines": "No",
            "internet_service": "Fiber optic",
            "online_security": "No",
            "online_backup": "No",
            "device_protection": "No",
            "tech_support": "No",
            "streaming_tv": "Yes",
            "streaming_movies": "Yes",
            "contract": "Month-to-month",
            "paperless_billing": "Yes",
            "payment_method": "Electronic check",
            "monthly_charges": 94.4,
            "total_charges": 188.8,
        },
        {
            "gender": "Male",
            "senior_citizen": 0,
            "partner": "Yes",
            "dependents": "Yes",
            "tenure_months": 68,
            "phone_service": "Yes",
            "multiple_lines": "Yes",
            "internet_service": "DSL",
            "online_security": "Yes",
            "online_backup": "Yes",
            "device_protection": "Yes",
            "tech_support": "Yes",
            "streaming_tv": "No",
            "streaming_movies": "No",
            "contract": "Two year",
            "paperless_billing": "No",
            "payment_method": "Credit card (automatic)",
            "monthly_charges": 66.1,
            "total_charges": 4494.8,
        },
    ),
)
