"""Telecom customers: made ones (``customers``), and the public Telco Customer Churn table in each form it is found in.

**Read**: the table as published (``customerID`` ignored, ``tenure`` = ``tenure_months``, blanks in ``TotalCharges`` =
never billed, target ``Churn`` of Yes and No), or the card's own columns and a target ``churn`` of Yes and No.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bentos.churn.card import ChurnRow
from jubako.training import public
from jubako.training.recipe import Dataset
from jubako.training.tables import Layout, Target, check, dataset, nearest, read_csv
from training.data.customers import MADE_ROWS, made_table

if TYPE_CHECKING:
    import pandas as pd

YesNo = Literal["No", "Yes"]

CARD_LAYOUT = Layout(Target("churn", YesNo))
PUBLISHED_LAYOUT = Layout(
    Target("Churn", YesNo),
    {
        "senior_citizen": "SeniorCitizen",
        "partner": "Partner",
        "dependents": "Dependents",
        "tenure_months": "tenure",
        "phone_service": "PhoneService",
        "multiple_lines": "MultipleLines",
        "internet_service": "InternetService",
        "online_security": "OnlineSecurity",
        "online_backup": "OnlineBackup",
        "device_protection": "DeviceProtection",
        "tech_support": "TechSupport",
        "streaming_tv": "StreamingTV",
        "streaming_movies": "StreamingMovies",
        "contract": "Contract",
        "paperless_billing": "PaperlessBilling",
        "payment_method": "PaymentMethod",
        "monthly_charges": "MonthlyCharges",
        "total_charges": "TotalCharges",
    },
)


def make(seed: int, size: int | None = None) -> Dataset:
    table = made_table(seed, size or MADE_ROWS)
    return from_table(table, f"made (seed {seed}, {len(table)} rows)")


def read(path: Path) -> Dataset:
    return from_table(read_csv(path), str(path))


def fetch(source: str) -> Dataset:
    return from_table(public.hub(source), source)


def from_table(table: pd.DataFrame, source: str) -> Dataset:
    layout = nearest(table, ChurnRow, (CARD_LAYOUT, PUBLISHED_LAYOUT))
    checked = check(table, ChurnRow, layout, source)
    return dataset(checked.rows, np.array([answer == "Yes" for answer in checked.truth], dtype=np.int64), source)
