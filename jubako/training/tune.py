"""Look for better parameters with Optuna: each trial is a nested run in MLflow."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from jubako.scores import scores
from jubako.training.data import TrainingData, TrainingRequest
from jubako.training.gate import answers
from jubako.training.progress import TrainingProgress
from jubako.training.recipe import Param
from jubako.training.split import held_out, row_keys
from jubako.training.tracking import Run, Tracking


def tune(
    data: TrainingData, request: TrainingRequest, tracking: Tracking, parent: Run, progress: TrainingProgress
) -> dict[str, Param]:
    """The best of so many trials, judged on a part of the learning rows: the held-out ones stay unseen.

    The first trial is the defaults, so that the search ends no worse than it began.
    """
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    recipe, card = data.recipe, data.card
    keys = row_keys(data.dataset)
    everyone = data.split.learn
    strata = data.truth(everyone) if card.task != "regression" else data.truth(everyone) * 0
    inner = held_out([keys[place] for place in everyone], strata, 0.2)
    learn, judge = everyone[inner.learn], everyone[inner.held_out]

    def trial_value(trial: Any) -> float:
        params = {**recipe.defaults, **recipe.suggest(trial), **request.params}
        progress.phase(f"trial {trial.number + 1} of {request.tune}")
        with tracking.run(card, {"trial": str(trial.number)}, data.data, parent=parent.id) as run:
            run.params(params)
            log = run.logging_to(progress)
            fitted = recipe.fit(data.rows(learn), data.truth(learn), params, seed=request.seed, log=log)
            found = scores(card, data.truth(judge), answers(fitted.model, data.rows(judge)))
            run.metrics(found)
        return found[card.gate.metric]

    study = optuna.create_study(
        direction="minimize" if card.gate.lower_is_better else "maximize",
        sampler=optuna.samplers.TPESampler(seed=request.seed),
    )
    with warnings.catch_warnings():
        # A default that no trial would suggest (between two steps, outside the range) is still worth its trial.
        warnings.filterwarnings("ignore", message="Fixed parameter", category=UserWarning)
        study.enqueue_trial(dict(recipe.defaults))
        study.optimize(trial_value, n_trials=request.tune)
    parent.tags({"tune.best_trial": str(study.best_trial.number), "tune.best_value": f"{study.best_value:.6g}"})
    return dict(study.best_params)
