"""The row about a model's rollout; empty for a model that never had one."""

from __future__ import annotations

from deploy.grafana.board import Row
from deploy.grafana.panels import GOOD, THIRD, Query, Thresholds, chart, lanes
from deploy.grafana.queries import RATE, quantile

BOUNDS = Thresholds(20, 100)
"""Of evidence: proofs promote from the first on, harm rolls back from the second on."""


def row(this: str) -> Row:
    requests = f"sum by (arm) (rate(jubako_rollout_requests_total{this}{RATE}))"
    failed = this.replace("}", ', outcome="failed"}')
    return (
        "Rollout",
        [
            chart(
                "Evidence",
                "harm rolls back at 100; not_worse and agreement promote at 20. Drawn between 0.1 and a million.",
                "none",
                Query(f"clamp(max by (kind) (jubako_rollout_evidence{this}), 0.1, 1000000)", "{{kind}}"),
                limits=BOUNDS,
                logarithmic=True,
            ),
            lanes(
                "Status",
                "Of the latest rollout.",
                Query(f"max by (state) (jubako_rollout_state{this}) == 1", "{{state}}"),
                words={"1": ("now", GOOD)},
            ),
            chart(
                "Share",
                "Of requests, by the arm that answers; the shadow answers none.",
                "percentunit",
                Query(f"max by (arm) (jubako_rollout_share{this})", "{{arm}}"),
                most=1,
                span=THIRD,
            ),
            chart(
                "Failed by arm",
                "Share of an arm's requests; production answered them all the same.",
                "percentunit",
                Query(
                    f"sum by (arm) (rate(jubako_rollout_requests_total{failed}{RATE})) / {requests}",
                    "{{arm}}",
                ),
                span=THIRD,
            ),
            chart(
                "99th percentile by arm",
                "Canary and baseline have equal shares and runners of the same age: compare these two.",
                "s",
                Query(quantile(0.99, "jubako_rollout_request_seconds", "arm", this), "{{arm}}"),
                span=THIRD,
            ),
        ],
    )
