"""The one loop: every model is checked, split, fitted, saved, loaded back, judged and stored in the same way."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jubako.commit import git
from jubako.training import plots, provenance
from jubako.training.aliases import mirror
from jubako.training.data import TrainingData, TrainingRequest, gather
from jubako.training.fitting import Evaluation, SavedModel, fit, save_and_load, score
from jubako.training.gate import judge
from jubako.training.progress import NoProgress, TrainingProgress
from jubako.training.recipe import Params, Recipe
from jubako.training.tracking import Run, Tracking
from jubako.training.tune import tune
from jubako.versions import stages, writing
from jubako.versions.manifest import GateResult


@dataclass(frozen=True)
class TrainingOutcome:
    model: str
    run_id: str
    metrics: Mapping[str, float]
    result: GateResult
    engine: str
    seconds: float
    tag: str | None = None
    stage: stages.Stage | None = None
    why_not: str | None = None
    warning: str | None = None


def train(
    recipe: Recipe, request: TrainingRequest = TrainingRequest(), progress: TrainingProgress | None = None
) -> TrainingOutcome:
    """Make a version, or say why not. Nothing is stored before everything else has succeeded."""
    started = time.monotonic()
    name = recipe.card.name
    progress = progress or NoProgress()
    progress.phase("load and check")
    stages.stages_of(name)  # a damaged pointer file must not be found out after an hour of fitting
    data = gather(recipe, request)
    card, held_out = data.card, data.split.held_out
    progress.phase("open MLflow")
    tracking = Tracking()
    commit = git()
    with tempfile.TemporaryDirectory(prefix="jubako-") as place:
        workplace = Path(place)
        with tracking.run(card, commit.tags(), data.data) as run:
            params = _params(data, request, tracking, run, progress)
            progress.phase("fit")
            fitted = fit(data, data.split.learn, params, request.seed, run.logging_to(progress))
            progress.phase("save and load")
            saved = save_and_load(data, fitted, workplace / "model")
            progress.phase("score")
            evaluation = score(data, saved, params, request.seed)
            _show(run, data, saved, evaluation, workplace / "plots")
            progress.phase("gate")
            value = evaluation.metrics[card.gate.metric]
            unseen = request.given is not None
            decision = judge(recipe.model, value, data.rows(held_out), data.truth(held_out), must_beat=unseen)
            outcome = TrainingOutcome(name, run.id, evaluation.metrics, decision.result, saved.served.engine, 0.0)
            run.tags({"gate": decision.why_not or "passed"})
            if decision.why_not:
                return replace(outcome, why_not=decision.why_not, seconds=time.monotonic() - started)
            progress.phase("register")
            version = writing.new_version(run.id)
            run.tags({"mlflow.runName": version, "bentoml_tag": f"{name}:{version}"})
            registered = run.register(card, saved.folder, workplace, {"bentoml_tag": f"{name}:{version}"})
        # MLflow has all it needs and its run is closed: if it goes away now, it takes no version with it.
        progress.phase("store")
        facts = provenance.facts(
            data, request, saved, evaluation, decision.result, params=params, commit=commit,
            run_id=run.id, registered_version=registered,
        )  # fmt: skip
        golden = provenance.golden(data.dataset.rows, held_out, saved.native, saved.served)
        columns = recipe.model.signals(*evaluation.reference)
        provenance.write_words(data, saved.folder)
        tag = writing.write(facts, version, saved.folder, golden, columns, model=recipe.model)
    stage = stages.admit(recipe.model, version, f"trained on {data.dataset.source} with seed {request.seed}")
    return replace(outcome, tag=tag, stage=stage, warning=mirror(name), seconds=time.monotonic() - started)


def _params(
    data: TrainingData, request: TrainingRequest, tracking: Tracking, run: Run, progress: TrainingProgress
) -> Params:
    found = tune(data, request, tracking, run, progress) if request.tune else {}
    params = {**data.recipe.defaults, **found, **request.params}
    run.params({**params, "seed": request.seed})
    return params


def _show(run: Run, data: TrainingData, saved: SavedModel, evaluation: Evaluation, folder: Path) -> None:
    """What MLflow shows of this run: numbers and pictures."""
    run.metrics({**evaluation.metrics, **{f"parity/{name}": value for name, value in saved.parity.items()}})
    folder.mkdir()
    truth = data.truth(data.split.held_out)
    plots.save_all(plots.Shown(data.card, truth, evaluation.outputs, run.history, saved.fitted.importances), folder)
    run.files(folder, "plots")
