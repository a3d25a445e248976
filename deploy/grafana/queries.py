"""Expressions that several dashboards need. Every sum is over replicas, so that a second one changes no meaning."""

from __future__ import annotations

from deploy.grafana.panels import BAD, GOOD, Thresholds

RATE = "[$__rate_interval]"
READY = {"1": ("serves", GOOD), "0": ("does not serve", BAD)}
FAILURES, REFUSALS = Thresholds(0.001, 0.0144), Thresholds(0.001, 0.01)
DRIFT = Thresholds(0.7, 1.0)
SLOW = Thresholds(0.5, 1.0)
"""Seconds; the objectives of deploy/prometheus/rules/latency.yml."""


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{where}{RATE})))"


def ratio(outcomes: str, by: str = "", where: str = "") -> str:
    """The share of requests that ended so."""
    grouped = f" by ({by}) " if by else " "
    some = f'{{outcome=~"{outcomes}"{where}}}'
    every = f'{{outcome!="gone"{where}}}'
    total = "sum" + grouped + "(rate(jubako_requests_total"
    return f"{total}{some}{RATE})) / {total}{every}{RATE}))"
