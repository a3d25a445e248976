"""Types that a skops file may hold. skops knows the estimators; the rest was reviewed here, one by one.

A type is listed when restoring it runs no code of the file's choice: it holds numbers, or hands bytes to a parser that
only reads trees. Functions, ``FunctionTransformer`` callbacks and types of other packages are never listed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jubako.importing.refused import ImportRefused

_LOSS = "a loss function without state"
_LINK = "a link function without state"
_TREES = "hands its bytes to a parser of trees"

REVIEWED = {
    "collections.OrderedDict": "a dictionary",
    "numpy.dtype": "the name of a number type",
    "sklearn.tree._tree.Tree": "arrays of nodes; scikit-learn checks them",
    "sklearn.compose._column_transformer._RemainderColsList": "a list of column names",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper": "arrays of thresholds",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": "arrays of nodes",
    "sklearn._loss._loss.CyHalfBinomialLoss": _LOSS,
    "sklearn._loss._loss.CyHalfMultinomialLoss": _LOSS,
    "sklearn._loss._loss.CyHalfSquaredError": _LOSS,
    "sklearn._loss.loss.HalfBinomialLoss": _LOSS,
    "sklearn._loss.loss.HalfMultinomialLoss": _LOSS,
    "sklearn._loss.loss.HalfSquaredError": _LOSS,
    "sklearn._loss.link.IdentityLink": _LINK,
    "sklearn._loss.link.Interval": _LINK,
    "sklearn._loss.link.LogitLink": _LINK,
    "sklearn._loss.link.MultinomialLogit": _LINK,
    "lightgbm.basic.Booster": _TREES,
    "lightgbm.sklearn.LGBMClassifier": "parameters and a booster",
    "lightgbm.sklearn.LGBMRegressor": "parameters and a booster",
    "xgboost.core.Booster": _TREES,
    "xgboost.sklearn.XGBClassifier": "parameters and a booster",
    "xgboost.sklearn.XGBRegressor": "parameters and a booster",
}


def load_skops(file: Path) -> Any:
    """The estimator in a skops file, when every type in it is known to skops or was reviewed."""
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(file=file)) - REVIEWED.keys())
    if unknown:
        raise ImportRefused(
            f"{file.name} holds types that nobody reviewed: {', '.join(unknown)}. A type that is safe to restore "
            "belongs into jubako/importing/trusted.py, with the reason"
        )
    return skops.io.load(file, trusted=list(REVIEWED))
