"""The lineage of a version as a tree: run, commit, data, parameters, environment, and who put it where and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from jubako.rollout import record
from jubako.versions import stages, store
from jubako.versions.history import StageChange
from jubako.versions.manifest import Manifest, VersionRefused

Kind = Literal[
    "prediction", "version", "run", "commit", "data", "parameters", "environment", "decisions", "decision"
]  # fmt: skip


class LineageUnknown(ValueError):
    """There is nothing to tell; the message says why."""


@dataclass(frozen=True)
class Step:
    """One thing, its facts, and what it came from."""

    kind: Kind
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """This step and all under it.

        >>> [step.name for step in Step("version", "a", parts=(Step("run", "b"),)).walk()]
        ['a', 'b']
        """
        yield self
        for part in self.parts:
            yield from part.walk()


def version_step(model: str, version: str | None = None) -> Step:
    """``version``: by default the one in production. A refused version has its decisions all the same."""
    version = version or stages.stages_of(model).production
    if version is None:
        raise LineageUnknown(f"{model} has no version in production")
    decisions = _decisions(model, version)
    try:
        manifest = store.read_manifest(f"{model}:{version}")
    except VersionRefused as refused:
        if not decisions.parts:
            raise LineageUnknown(str(refused)) from refused
        return Step("version", f"{model}:{version}", {"refused": refused.why}, (decisions,))
    return Step("version", manifest.tag, _version_facts(manifest), (_run(manifest), decisions))


def _version_facts(manifest: Manifest) -> dict[str, str]:
    stages_now = stages.stages_of(manifest.model)
    stage = {stages_now.candidate: "candidate", stages_now.production: "production"}.get(manifest.version, "none")
    return {"stage": stage, "trained": manifest.trained_at, "gate": _gate(manifest), "files": str(len(manifest.files))}


def _gate(manifest: Manifest) -> str:
    gate = manifest.gate
    value = "not measured" if gate.value is None else f"{gate.value:.4g}"
    beside = f", {gate.production} {gate.production_value:.4g}" if gate.production_value is not None else ""
    return f"{gate.metric} {value} (bound {gate.bound:g}{beside})"


def _run(manifest: Manifest) -> Step:
    data = manifest.data
    dirty = {True: "with changes that were not committed", False: "clean", None: "unknown"}
    facts = {"metrics": ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items())}
    if manifest.registered_version:
        facts["MLflow version"] = manifest.registered_version
    environment = {"lock sha256": manifest.lock_sha256 or "no lock", "engine": manifest.engine, **manifest.frameworks}
    if manifest.base:
        environment["base"] = manifest.base
    parameters = {"seed": str(manifest.seed), **{name: str(value) for name, value in manifest.params.items()}}
    return Step("run", manifest.run_id, facts, (
        Step("commit", manifest.git_commit or "unknown", {"checkout": dirty[manifest.git_dirty]}),
        Step("data", data.source, {
            "sha256": data.sha256, "rows": f"{data.rows:,}", "held out": f"{data.held_out:,}",
            **({"older rows": data.own} if data.own else {}),
        }),
        Step("parameters", f"{len(parameters)} values", parameters),
        Step("environment", ", ".join(f"{name} {number}" for name, number in list(manifest.frameworks.items())[:1])
             or manifest.engine, environment),
    ))  # fmt: skip


def _decisions(model: str, version: str) -> Step:
    found = [_stage_change(change, version) for change in stages.history(model) if _concerns(change, version)]
    found += [_rollout_decision(one) for one in record.read(model).history if one.candidate == version]
    ordered = tuple(step for _, step in sorted(found, key=lambda pair: pair[0]))
    return Step("decisions", str(len(ordered)), parts=ordered)


#: Within one second a candidate is made before its rollout decides, and a rollout decides before a stage moves.
Order = tuple[str, Literal["1 candidate", "2 rollout", "3 stage"]]


def _concerns(change: StageChange, version: str) -> bool:
    return version in (change.target, change.source)


def _stage_change(change: StageChange, version: str) -> tuple[Order, Step]:
    words = {
        "first": "put into production",
        "promote": "promoted",
        "rollback": "rolled back to",
        "candidate": "made candidate",
    }
    what = words[change.action] if change.target == version else f"replaced by {change.target}"
    order: Order = (change.when, "1 candidate" if change.action == "candidate" else "3 stage")
    return order, Step("decision", f"{change.when} {what}", _who_and_why(change.who, change.why))


def _rollout_decision(decision: record.Decision) -> tuple[Order, Step]:
    name = f"{decision.when} rollout: {decision.what.replace('_', ' ')}, {decision.share:.0%} of requests"
    return (decision.when, "2 rollout"), Step("decision", name, _who_and_why(decision.who, decision.why))


def _who_and_why(who: str, why: str) -> dict[str, str]:
    return {"who": who or "not kept", "why": why}
