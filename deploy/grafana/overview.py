"""All models at a glance."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import Row, board
from deploy.grafana.panels import THIRD, Query, Thresholds, chart, lanes, names, number
from deploy.grafana.queries import DRIFT, FAILURES, RATE, READY, REFUSALS, SLOW, quantile, ratio


def dashboard() -> Dashboard:
    now: Row = (
        "Now",
        [
            number(
                "Requests", "Requests a second, all models.", "reqps", Query(f"sum(rate(jubako_requests_total{RATE}))")
            ),
            number("Rows", "Rows answered a second.", "rowsps", Query(f"sum(rate(jubako_rows_total{RATE}))")),
            number(
                "Failed",
                "500 and 504. Objective: 0.1 %.",
                "percentunit",
                Query(ratio("failed|late")),
                limits=FAILURES,
                decimals=2,
            ),
            number(
                "Refused",
                "503: more than can be done in time.",
                "percentunit",
                Query(ratio("overloaded")),
                limits=REFUSALS,
                decimals=2,
            ),
            number(
                "p99",
                "The slowest model's 99th percentile.",
                "s",
                Query(f"max({quantile(0.99, 'jubako_request_seconds', 'model')})"),
                limits=SLOW,
                decimals=3,
            ),
            number(
                "Alarms",
                "How many of ours fire now.",
                "none",
                Query('count(ALERTS{alertname=~"Jubako.*", alertstate="firing"}) or vector(0)'),
                limits=Thresholds(1, 2),
                decimals=0,
            ),
        ],
    )
    traffic: Row = (
        "Traffic",
        [
            chart(
                "Requests by model",
                "Requests a second.",
                "reqps",
                Query(f"sum by (model) (rate(jubako_requests_total{RATE}))", "{{model}}"),
                stacked=True,
            ),
            chart(
                "What was not answered",
                "Requests a second that did not get predictions, by how they ended.",
                "reqps",
                Query(f'sum by (outcome) (rate(jubako_requests_total{{outcome!="ok"}}{RATE}))', "{{outcome}}"),
                stacked=True,
            ),
            chart(
                "Rows by API key",
                "Rows answered a second, by the name of the key; empty while keys are off.",
                "rowsps",
                Query(f"sum by (key) (rate(jubako_key_rows_total{RATE}))", "{{key}}"),
                stacked=True,
            ),
            chart(
                "Limited by API key",
                "Requests a second that got 429: over the key's quota, or its share of a queue.",
                "reqps",
                Query(f'sum by (key) (rate(jubako_key_requests_total{{outcome="limited"}}{RATE}))', "{{key}}"),
                stacked=True,
            ),
        ],
    )
    latency: Row = (
        "Latency",
        [
            chart(
                "Median",
                "Half of the requests were faster.",
                "s",
                Query(quantile(0.5, "jubako_request_seconds", "model"), "{{model}}"),
            ),
            chart(
                "99th percentile",
                "One in a hundred was slower. Objective: 0.5 s, sentiment 1 s.",
                "s",
                Query(quantile(0.99, "jubako_request_seconds", "model"), "{{model}}"),
                limits=SLOW,
            ),
            chart(
                "Slow requests",
                "Share above the objective, over an hour; 1 % is the budget.",
                "percentunit",
                Query("jubako:request_slow:ratio_rate1h", "{{model}}"),
                limits=Thresholds(0.01, 0.144),
            ),
            chart(
                "Failed requests",
                "Share of 500 and 504, over an hour; 0.1 % is the budget.",
                "percentunit",
                Query("jubako:request_failures:ratio_rate1h", "{{model}}"),
                limits=FAILURES,
            ),
        ],
    )
    models: Row = (
        "Models",
        [
            lanes(
                "Runners",
                "Whether each model serves on each replica.",
                Query("min by (model, instance) (jubako_runner_ready)", "{{model}} {{instance}}"),
                words=READY,
            ),
            names(
                "Versions",
                "What serves now; two of a model only while one replaces the other.",
                Query("max by (model, version) (jubako_model_info) == 1", "{{model}} {{version}}"),
            ),
            chart(
                "Drift",
                "The highest score of any column; 1 and more: look.",
                "none",
                Query("max by (model) (jubako_drift_score)", "{{model}}"),
                limits=DRIFT,
                span=THIRD,
            ),
            chart(
                "Queues",
                "How full they are; full ones refuse.",
                "percentunit",
                Query("max by (model) (jubako_queue_rows / jubako_queue_rows_limit)", "{{model}}"),
                limits=Thresholds(0.5, 0.9),
                most=1,
                span=THIRD,
            ),
            chart(
                "Age",
                "Since the version that serves was trained.",
                "s",
                Query("time() - min by (model) (jubako_model_trained_timestamp_seconds)", "{{model}}"),
                span=THIRD,
            ),
        ],
    )
    about = "All models at a glance: who is answered, how fast, and what needs a look."
    return board("overview", "Jubako", about, [now, traffic, latency, models])
