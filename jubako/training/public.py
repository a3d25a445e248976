"""Public tables, where there is a network or a cache. Imported by recipes; nothing here runs by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jubako.training.recipe import DataRefused

if TYPE_CHECKING:
    import pandas as pd

HUB = "hf:"


def hub(source: str) -> pd.DataFrame:
    """``hf:NAME``: the ``train`` split of a Hugging Face data set, or of a local folder in the same form."""
    import datasets

    if not source.startswith(HUB):
        raise DataRefused(source, [f"unknown source, known are a path and {HUB}NAME"])
    try:
        table: pd.DataFrame = datasets.load_dataset(source.removeprefix(HUB), split="train").to_pandas()
    except (OSError, ValueError) as error:  # not found, not reachable, not a data set: all of these
        raise DataRefused(source, [f"cannot be fetched: {error}"]) from error
    return table


def california_housing() -> pd.DataFrame:
    """scikit-learn's copy of the 1990 census, from its cache (``SCIKIT_LEARN_DATA``) or the network."""
    from sklearn.datasets import fetch_california_housing

    try:
        table: pd.DataFrame = fetch_california_housing(as_frame=True).frame
    except OSError as error:
        raise DataRefused("sklearn", [f"cannot be fetched: {error}"]) from error
    return table
