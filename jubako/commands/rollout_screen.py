"""Rollouts in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jubako.commands.screen import table
from jubako.monitoring.report.words import NOTHING, number, share
from jubako.rollout.record import Status
from jubako.rollout.view import ArmView, EvidenceView, RolloutDetails, RolloutView
from jubako.rollout.words import percent

COLOURS: dict[Status | None, str] = {
    "running": "green",
    "paused": "yellow",
    "undecided": "yellow",
    "promoting": "green",
    "promoted": "green",
    "rolled_back": "red",
}


def overview(screen: Console, views: Sequence[RolloutView]) -> Table:
    """One line a model."""
    return table(
        screen,
        {
            "model": [found.model for found in views],
            "status": [_status(found) for found in views],
            "step": [
                f"{one.step.name} ({one.step.number} of {one.step.of})" if (one := v.rollout) else "" for v in views
            ],
            "what": [escape(found.summary) for found in views],
        },
        wrapped=("what",),
    )


def picture(screen: Console, found: RolloutView) -> RenderableType:
    """One rollout in full."""
    head = Text.from_markup(f"[bold]{found.model}[/]  {_status(found)}  {escape(found.summary)}")
    if found.rollout is None:
        return head
    one = found.rollout
    parts: list[RenderableType] = [head, Text(one.judgement)]
    if not one.rates_hold:
        parts.append(Text(one.rates, "yellow"))
    parts += ["", table(screen, _arms(one.arms), spare=("p90", "version"))]
    if one.evidence:
        parts += ["", table(screen, _evidence(one.evidence))]
    return Group(*parts, "", Text(_pairs(one), "dim"))


def history_table(screen: Console, found: RolloutView) -> Table:
    decisions = found.history
    return table(
        screen,
        {
            "when": [one.when[:16].replace("T", " ") for one in decisions],
            "candidate": [one.candidate for one in decisions],
            "what": [one.what.replace("_", " ") for one in decisions],
            "share": [percent(one.share) for one in decisions],
            "who": [escape(one.who) for one in decisions],
            "why": [escape(one.why) for one in decisions],
        },
        spare=("share", "candidate"),
        wrapped=("why",),
    )


def _status(found: RolloutView) -> str:
    if found.status is None:
        return "[red]damaged[/]" if found.damaged else ""
    return f"[{COLOURS.get(found.status, 'dim')}]{found.status.replace('_', ' ')}[/]"


def _arms(arms: Sequence[ArmView]) -> dict[str, list[str]]:
    return {
        "arm": [arm.arm for arm in arms],
        "version": [arm.version for arm in arms],
        "share": [NOTHING if arm.share is None else percent(round(arm.share, 4)) for arm in arms],
        "requests": [f"{arm.requests:,}" for arm in arms],
        "failed": [f"{arm.failed:,}" for arm in arms],
        "failed, %": [share(arm.failed, arm.requests) for arm in arms],
        "dropped": [f"{arm.dropped:,}" for arm in arms],
        **{name: [_milliseconds(getattr(arm, name)) for arm in arms] for name in ("p50", "p90", "p99")},
    }


def _evidence(evidence: Sequence[EvidenceView]) -> dict[str, list[str]]:
    does = {"roll_back": "rolls back", "promote": "promotes", None: ""}
    return {
        "evidence": [escape(one.title if one.bound else f"  {one.title}") for one in evidence],
        "value": [number(one.value) for one in evidence],
        "bound": [f"{one.bound:g} {does[one.decides]}" if one.bound else "" for one in evidence],
    }


def _pairs(one: RolloutDetails) -> str:
    pairs = one.pairs
    said = f"{pairs.compared:,} rows compared, {pairs.disagreed:,} differ; {pairs.labelled:,} are labelled"
    if pairs.labelled:
        said += (
            f": the candidate alone is wrong on {pairs.only_candidate_wrong:,}, production alone on"
            f" {pairs.only_production_wrong:,}"
        )
    return f"{said}."


def _milliseconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{1000 * seconds:,.3g} ms"
