"""One model by itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana import rollout
from deploy.grafana.board import Row, board, choice
from deploy.grafana.panels import SIXTH, THIRD, Query, Thresholds, chart, names, number
from deploy.grafana.queries import DRIFT, FAILURES, RATE, SLOW, quantile, ratio


def dashboard() -> Dashboard:
    this, also = '{model="$model"}', ', model="$model"'
    now: Row = (
        "$model now",
        [
            number("Requests", "Requests a second.", "reqps", Query(f"sum(rate(jubako_requests_total{this}{RATE}))")),
            number(
                "Failed",
                "500 and 504. Objective: 0.1 %.",
                "percentunit",
                Query(ratio("failed|late", where=also)),
                limits=FAILURES,
                decimals=2,
            ),
            number(
                "p99",
                "One in a hundred was slower.",
                "s",
                Query(quantile(0.99, "jubako_request_seconds", "model", this)),
                limits=SLOW,
                decimals=3,
            ),
            number(
                "Drift",
                "The highest score of any column; 1 and more: look.",
                "none",
                Query(f"max(jubako_drift_score{this})"),
                limits=DRIFT,
            ),
            number(
                "Trained",
                "Since the version that serves was trained.",
                "s",
                Query(f"time() - min(jubako_model_trained_timestamp_seconds{this})"),
                limits=Thresholds(60 * 86_400, 90 * 86_400),
            ),
            names(
                "Version",
                "What serves now.",
                Query(f"max by (version) (jubako_model_info{this}) == 1", "{{version}}"),
                span=SIXTH,
                height=4,
            ),
        ],
    )
    requests: Row = (
        "Requests",
        [
            chart(
                "Requests by outcome",
                "rejected: the caller's mistake. overloaded: 503. late: 504. failed: 500.",
                "reqps",
                Query(f"sum by (outcome) (rate(jubako_requests_total{this}{RATE}))", "{{outcome}}"),
                stacked=True,
            ),
            chart(
                "Latency",
                "From the request's first byte to its answer.",
                "s",
                *[
                    Query(quantile(share, "jubako_request_seconds", "model", this), f"p{share * 100:g}")
                    for share in (0.5, 0.95, 0.99)
                ],
                limits=SLOW,
            ),
        ],
    )
    batches: Row = (
        "Batches",
        [
            chart(
                "Rows in a call",
                "How many rows travel to the runner together.",
                "none",
                Query(
                    f"sum(rate(jubako_batch_rows_sum{this}{RATE})) / sum(rate(jubako_batch_rows_count{this}{RATE}))",
                    "mean",
                ),
                Query(quantile(0.95, "jubako_batch_rows", "model", this), "p95"),
                span=THIRD,
            ),
            chart(
                "Wait for a call",
                "How long a batch's first rows waited.",
                "s",
                *[
                    Query(quantile(share, "jubako_queue_seconds", "model", this), f"p{share * 100:g}")
                    for share in (0.5, 0.99)
                ],
                span=THIRD,
            ),
            chart(
                "Rows that wait",
                "Now, and how many may; more are refused.",
                "none",
                Query(f"sum(jubako_queue_rows{this})", "waiting"),
                Query(f"sum(jubako_queue_rows_limit{this})", "limit"),
                span=THIRD,
            ),
            chart("Rows answered", "A second.", "rowsps", Query(f"sum(rate(jubako_rows_total{this}{RATE}))", "rows")),
            chart(
                "Faults",
                "Calls to the runner that came back with one; most are mended before a caller notices.",
                "cps",
                Query(f"sum by (fault) (rate(jubako_runner_faults_total{this}{RATE}))", "{{fault}}"),
                stacked=True,
            ),
        ],
    )
    fit: Row = (
        "Does it still fit",
        [
            chart(
                "Drift by column",
                "1 and more: the newest rows differ from training by more than chance.",
                "none",
                Query(f"max by (column) (jubako_drift_score{this})", "{{column}}"),
                limits=DRIFT,
            ),
            chart(
                "Live quality",
                "On the truths that came in, beside what training promised.",
                "none",
                Query(f"min by (metric, version) (jubako_live_quality{this})", "{{metric}} {{version}} live"),
                Query(f"max by (metric, version) (jubako_trained_quality{this})", "{{metric}} {{version}} trained"),
            ),
        ],
    )
    about = "One model: its callers, its batches, and whether it still fits what it is asked."
    return board(
        "model",
        "Jubako: one model",
        about,
        [now, requests, batches, fit, rollout.row(this)],
        [choice("model", "Model", "jubako_requests_total")],
    )
