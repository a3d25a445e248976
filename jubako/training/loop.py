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
from jubako.training.data import Material, Order, gather
from jubako.training.fitting import Made, Scored, fit, save_and_load, score
from jubako.training.gate import judge
from jubako.training.progress import Silent, Watch
from jubako.training.recipe import Params
from jubako.training.recipes import RECIPES
from jubako.training.tracking import Run, Tracking
from jubako.training.tune import tune
from jubako.versions import stages, store
from jubako.versions.store import Verdict


@dataclass(frozen=True)
class Outcome:
    model: str
    run_id: str
    metrics: Mapping[str, float]
    verdict: Verdict
    engine: str
    seconds: float
    tag: str | None = None
    stage: stages.Stage | None = None
    why_not: str | None = None
    warning: str | None = None


def train(name: str, order: Order = Order(), watch: Watch | None = None) -> Outcome:
    """Make a version of this model, or say why not. Nothing is stored before everything else succeeded."""
    started = time.monotonic()
    watch = watch or Silent()
    watch.phase("load and check")
    stages.shelf(name)  # a damaged pointer file must not be found out after an hour of fitting
    material = gather(RECIPES[name], order)
    card, held_out = material.card, material.split.held_out
    watch.phase("open MLflow")
    tracking = Tracking()
    commit = git()
    with tempfile.TemporaryDirectory(prefix="jubako-") as place:
        workplace = Path(place)
        with tracking.run(card, commit.tags(), material.data) as run:
            params = _params(material, order, tracking, run, watch)
            watch.phase("fit")
            fitted = fit(material, material.split.learn, params, order.seed, run.logging_to(watch))
            watch.phase("save and load")
            made = save_and_load(material, fitted, workplace / "model")
            watch.phase("score")
            scored = score(material, made, params, order.seed)
            _show(run, material, made, scored, workplace / "plots")
            watch.phase("gate")
            value = scored.metrics[card.gate.metric]
            judgement = judge(card, value, material.rows(held_out), material.truth(held_out))
            outcome = Outcome(name, run.id, scored.metrics, judgement.verdict, made.served.engine, 0.0)
            run.tags({"gate": judgement.why_not or "passed"})
            if judgement.why_not:
                return replace(outcome, why_not=judgement.why_not, seconds=time.monotonic() - started)
            watch.phase("register")
            version = store.new_version(run.id)
            run.tags({"mlflow.runName": version, "bentoml_tag": f"{name}:{version}"})
            registered = run.register(card, made.folder, workplace, {"bentoml_tag": f"{name}:{version}"})
        # MLflow has all it needs and its run is closed: if it goes away now, it takes no version with it.
        watch.phase("store")
        facts = provenance.facts(
            material, order, made, scored, judgement.verdict, params=params, commit=commit,
            run_id=run.id, registered_version=registered,
        )  # fmt: skip
        golden = provenance.golden(material.dataset.rows, held_out, made.native, made.served)
        columns = material.recipe.model.signals(*scored.reference)
        tag = store.write(facts, version, made.folder, golden, columns)
    stage = stages.admit(name, version, f"trained on {material.dataset.source} with seed {order.seed}")
    return replace(outcome, tag=tag, stage=stage, warning=mirror(name), seconds=time.monotonic() - started)


def _params(material: Material, order: Order, tracking: Tracking, run: Run, watch: Watch) -> Params:
    found = tune(material, order, tracking, run, watch) if order.tune else {}
    params = {**material.recipe.defaults, **found, **order.params}
    run.params({**params, "seed": order.seed})
    return params


def _show(run: Run, material: Material, made: Made, scored: Scored, folder: Path) -> None:
    """What MLflow shows of this run: numbers and pictures."""
    run.metrics({**scored.metrics, **{f"parity/{name}": value for name, value in made.parity.items()}})
    folder.mkdir()
    truth = material.truth(material.split.held_out)
    plots.save_all(plots.Shown(material.card, truth, scored.outputs, run.history, made.fitted.importances), folder)
    run.files(folder, "plots")
