"""Every alarm that the service itself raises: severity, words, advice, runbook. The one list of them.

Console, report page and ``jubako drift`` show these; the rules for Prometheus have the same names and runbook, and a
test holds the severities together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jubako.metrics.service import ModelNumbers
from jubako.monitoring.report.report import AccountingReport, Alarm, ColumnReport, QualityReport, Severity
from jubako.monitoring.report.words import listed, plural
from jubako.rollout.view import RolloutView

RUNBOOK = "docs/operations.md"
LATELY = "in the last five minutes"
DAY = 86_400.0
UNJUDGED_AFTER = 120.0
"""Seconds; the judge looks every second."""

ALARMS: Mapping[str, tuple[Severity, str]] = {
    "JubakoRunnerDown": (
        "critical",
        "Its requests are answered with 503. A crashed runner is back in seconds; if the reason stays, remove it, or "
        "roll back.",
    ),
    "JubakoVersionRefused": (
        "warning",
        "The version before goes on serving. Roll the stage pointer back, or repair the version.",
    ),
    "JubakoQueueFilling": ("warning", "Send fewer rows, or give this model more workers."),
    "JubakoErrorsFast": (
        "critical",
        "Search the log for the request ids. A runner that dies says why in its last lines; one that is too slow needs "
        "more workers or smaller requests.",
    ),
    "JubakoRefusing": ("warning", "Send fewer rows, or give this model more workers."),
    "JubakoRestarting": (
        "warning",
        "The rows were sent again, so clients need not have noticed. The log says why the runner ended.",
    ),
    "JubakoDrift": (
        "warning",
        "Compare the distributions with: jubako drift --html drift.html. Correct the client that sends such rows, or "
        "train on newer rows.",
    ),
    "JubakoProfileLoss": (
        "warning",
        "Predictions are not affected; drift does not see these rows. The buffer was full, or a process was killed.",
    ),
    "JubakoLiveQualityDrop": (
        "critical",
        "Look for drift first. Roll back if an older version was better, or train on newer rows.",
    ),
    "JubakoRolledBack": (
        "warning",
        "Production has all requests. Compare the arms with: jubako rollout status MODEL. Repair the candidate before "
        "another rollout.",
    ),
    "JubakoRolloutUndecided": (
        "warning",
        "Label rows on which the versions differ and let it go on, or decide: jubako rollout resume, promote or abort.",
    ),
    "JubakoRolloutUnjudged": (
        "warning",
        "Harm would not be noticed. Check the log of the gateway and the disk under BENTOML_HOME, or end it: jubako "
        "rollout abort.",
    ),
    "JubakoMonitoringTrouble": (
        "warning",
        "Check the disk under JUBAKO_HOME (space, permissions) and the log. Predictions are not affected.",
    ),
}


def alarm(name: str, summary: str, *, of_service: bool = False) -> Alarm:
    severity, advice = ALARMS[name]
    runbook = f"{RUNBOOK}#{name.lower()}"
    return Alarm(name=name, severity=severity, summary=summary, advice=advice, runbook=runbook, of_service=of_service)


def model_alarms(
    model: str, columns: Sequence[ColumnReport], accounting: AccountingReport, quality: QualityReport | None
) -> Iterator[Alarm]:
    """From what monitoring has stored."""
    drifted = [column.column for column in columns if column.state == "drifted"]
    if drifted:
        yield alarm("JubakoDrift", f"{listed(drifted)} of {model} {'have' if len(drifted) > 1 else 'has'} drifted.")
    if quality and quality.state == "worse":
        yield alarm("JubakoLiveQualityDrop", f"{model}: {quality.summary}")
    lost = accounting.dropped + accounting.killed
    if lost:
        were = "were" if lost > 1 else "was"
        yield alarm("JubakoProfileLoss", f"{plural(lost, 'answered row')} of {model} {were} not profiled.")


def service_alarms(model: str, numbers: ModelNumbers, why: str | None) -> Iterator[Alarm]:
    """From the counters of all processes. ``why`` is what the runner says of itself."""
    because = f": {why}" if why else ""
    if numbers.ready is False:
        yield alarm("JubakoRunnerDown", f"{model} is not ready{because}.")
    elif numbers.refused:
        yield alarm("JubakoVersionRefused", f"A newer version of {model} was refused{because}.")
    if numbers.queue_rows > numbers.queue_limit / 2:
        rows = plural(numbers.queue_rows, "row")
        yield alarm(
            "JubakoQueueFilling",
            f"{rows} wait for {model}; from {numbers.queue_limit:,.0f} on, requests are refused.",
        )
    if failed := numbers.outcomes.get("failed", 0):
        yield alarm("JubakoErrorsFast", f"{plural(failed, 'request')} to {model} failed {LATELY}.")
    if late := numbers.outcomes.get("late", 0):
        yield alarm("JubakoErrorsFast", f"{plural(late, 'request')} to {model} passed the deadline {LATELY}.")
    if refused := numbers.outcomes.get("overloaded", 0):
        yield alarm("JubakoRefusing", f"{plural(refused, 'request')} to {model} found a full queue {LATELY}.")
    if gone := numbers.faults.get("runner_gone", 0):
        yield alarm("JubakoRestarting", f"{plural(gone, 'call')} to {model} lost the runner {LATELY}.")
    troubles = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in numbers.troubles.items() if count]
    if troubles:
        yield alarm("JubakoMonitoringTrouble", f"Monitoring had trouble: {listed(troubles)}.", of_service=True)


def rollout_alarms(found: RolloutView, now: float) -> Iterator[Alarm]:
    """From the record of the model's latest rollout."""
    if found.damaged:
        yield alarm("JubakoRolloutUnjudged", found.summary)
    rollout = found.rollout
    if rollout is None:
        return
    if found.status == "rolled_back" and now - rollout.changed < DAY:
        yield alarm("JubakoRolledBack", f"{found.model}: {found.summary} {rollout.decision.why}")
    if found.status == "undecided":
        yield alarm("JubakoRolloutUndecided", f"{found.model}: {rollout.decision.why}")
    if rollout.active and now - rollout.judged > UNJUDGED_AFTER:
        minutes = round((now - rollout.judged) / 60)
        yield alarm("JubakoRolloutUnjudged", f"Nobody has judged the rollout of {found.model} for {minutes:,} minutes.")
