"""Whether the models still fit, and whether monitoring sees every row."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import Row, board, choice
from deploy.grafana.panels import GOOD, LOOK, THIRD, WIDE, Query, chart, lanes
from deploy.grafana.queries import DRIFT, RATE


def dashboard() -> Dashboard:
    these = '{model=~"$model"}'
    changed: Row = (
        "What changed since training",
        [
            chart(
                "Drift by column",
                "1 and more: look. A column without enough rows has no number.",
                "none",
                Query(f"max by (model, column) (jubako_drift_score{these})", "{{model}} {{column}}"),
                limits=DRIFT,
                span=WIDE,
            ),
            lanes(
                "Drifted models",
                "Any column at 1 or more.",
                Query(f"max by (model) (jubako_drift_score{these}) >= bool 1", "{{model}}"),
                words={"0": ("fits", GOOD), "1": ("drifted", LOOK)},
                span=WIDE,
            ),
        ],
    )
    right: Row = (
        "Is it still right",
        [
            chart(
                "Lost quality",
                "1: five points of accuracy or AUC, or a quarter more error, than in training.",
                "none",
                Query(f"jubako:live_quality_drop:score{these}", "{{model}} {{metric}} {{version}}"),
                limits=DRIFT,
            ),
            chart(
                "Truths",
                "How many stand behind it; below 200 no alarm is given.",
                "none",
                Query(f"max by (model, version) (jubako_live_truths{these})", "{{model}} {{version}}"),
            ),
        ],
    )
    books: Row = (
        "Is every row seen",
        [
            chart(
                "Rows",
                "received = profiled + dropped + pending.",
                "rowsps",
                Query(f"sum by (state) (rate(jubako_profile_rows_total{these}{RATE}))", "{{state}}"),
                span=THIRD,
            ),
            chart(
                "Pending",
                "Answered rows that are not in a file yet.",
                "none",
                Query(f"sum by (model) (jubako_profile_rows_pending{these})", "{{model}}"),
                span=THIRD,
            ),
            chart(
                "Troubles",
                "What monitoring could not do, in the last ten minutes.",
                "none",
                Query("sum by (kind) (increase(jubako_monitoring_troubles_total[10m]))", "{{kind}}"),
                span=THIRD,
            ),
        ],
    )
    about = "Whether the models still fit the world, and whether monitoring sees all of it."
    return board(
        "drift",
        "Jubako: drift and quality",
        about,
        [changed, right, books],
        [choice("model", "Model", "jubako_requests_total", several=True)],
    )
