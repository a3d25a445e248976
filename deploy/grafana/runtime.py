"""The processes behind the models."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import Row, board, choice
from deploy.grafana.panels import BAD, GOOD, THIRD, Query, Thresholds, chart, lanes
from deploy.grafana.queries import RATE


def dashboard() -> Dashboard:
    here = '{instance=~"$instance"}'
    processes: Row = (
        "Processes",
        [
            chart(
                "Memory",
                "Resident, by service; a dead worker's is not counted.",
                "bytes",
                Query(f"sum by (service) (jubako_process_memory_bytes{here})", "{{service}}"),
                stacked=True,
            ),
            chart(
                "Event loop",
                "The longest that each kept anybody waiting.",
                "s",
                Query(f"max by (service) (jubako_event_loop_lag_seconds{here})", "{{service}}"),
                limits=Thresholds(0.1, 0.5),
            ),
            chart(
                "Workers started",
                "In the last 15 minutes, after the first: restarts.",
                "none",
                Query(
                    f"sum by (service, instance) (increase(jubako_process_starts_total{here}[15m]))",
                    "{{service}} {{instance}}",
                ),
                limits=Thresholds(1, 3),
            ),
            lanes(
                "Replicas",
                "Whether Prometheus gets an answer.",
                Query('up{job="jubako", instance=~"$instance"}', "{{instance}}"),
                words={"1": ("answers", GOOD), "0": ("gone", BAD)},
            ),
        ],
    )
    calls: Row = (
        "Calls to runners",
        [
            chart(
                "Rows in a call",
                "Mean, from the gateway.",
                "none",
                Query(
                    f"sum by (model) (rate(jubako_batch_rows_sum{here}{RATE}))"
                    f" / sum by (model) (rate(jubako_batch_rows_count{here}{RATE}))",
                    "{{model}}",
                ),
                span=THIRD,
            ),
            chart(
                "Calls",
                "A second; requests divided by this are what batching saves.",
                "cps",
                Query(f"sum by (model) (rate(jubako_batch_rows_count{here}{RATE}))", "{{model}}"),
                span=THIRD,
            ),
            chart(
                "Calls in a batch",
                "Mean, as BentoML merged them in the runner: more than 1 with several gateways.",
                "none",
                Query(
                    f"sum by (runner_name) (rate(bentoml_service_adaptive_batch_size_sum{here}{RATE}))"
                    f" / sum by (runner_name) (rate(bentoml_service_adaptive_batch_size_count{here}{RATE}))",
                    "{{runner_name}}",
                ),
                span=THIRD,
            ),
            chart(
                "Faults",
                "By kind; runner_gone: a worker died or did not answer.",
                "cps",
                Query(f"sum by (fault) (rate(jubako_runner_faults_total{here}{RATE}))", "{{fault}}"),
                stacked=True,
            ),
            lanes(
                "GPU",
                "What the runner computes on.",
                Query(f"max by (model, instance) (jubako_gpu_used{here})", "{{model}} {{instance}}"),
                words={"1": ("GPU", GOOD), "0": ("CPU", "blue")},
            ),
        ],
    )
    about = "The processes: memory, restarts, event loops, batches."
    return board(
        "runtime",
        "Jubako: runtime",
        about,
        [processes, calls],
        [choice("instance", "Replica", "jubako_runner_ready", several=True)],
    )
