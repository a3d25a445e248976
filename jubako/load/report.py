"""Locust's statistics as measurements: written as JSON, and shown beside the objectives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from jubako.load.objectives import Measurement, MissedObjective, Objective


def measurements(stats: Any) -> dict[str, Measurement]:
    """By model, from ``environment.stats``."""
    return {name: _measurement(entry) for (name, _method), entry in stats.entries.items()}


def _measurement(entry: Any) -> Measurement:
    p50, p95, p99 = (float(entry.get_response_time_percentile(share) or 0.0) for share in (0.5, 0.95, 0.99))
    return Measurement(
        requests=entry.num_requests,
        failures=entry.num_failures,
        p50=p50,
        p95=max(p50, p95),
        p99=max(p95, p99),
        per_second=float(entry.total_rps),
    )


def write(
    file: Path, profile: str, found: Mapping[str, Measurement], missed: list[MissedObjective], errors: list[str]
) -> None:
    content = {
        "profile": profile,
        "models": {name: {**one.model_dump(), "error_rate": one.error_rate} for name, one in found.items()},
        "per_second": sum(one.per_second for one in found.values()),
        "missed": [str(miss) for miss in missed],
        "errors": errors,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def show(
    found: Mapping[str, Measurement],
    objectives: Mapping[str, Objective],
    missed: list[MissedObjective],
    errors: list[str],
    console: Console,
) -> None:
    """One line a model, found/allowed; missed objectives in red and by name."""
    table = Table("model", box=SIMPLE, pad_edge=False)
    for name in ("requests", "a second", "p50, ms", "p95, ms", "p99, ms", "failed"):
        table.add_column(name, justify="right")
    bad = {(miss.model, miss.measure) for miss in missed}
    for model, allowed in objectives.items():
        one = found.get(model) or Measurement(requests=0, failures=0, p50=0, p95=0, p99=0)
        cells = [f"{getattr(one, name):.0f}/{getattr(allowed, name):.0f}" for name in ("p50", "p95", "p99")]
        cells.append(f"{one.failures:,}")
        measures = ("p50", "p95", "p99", "error_rate")
        marked = [
            f"[red bold]{cell}[/]" if (model, name) in bad else cell for name, cell in zip(measures, cells, strict=True)
        ]
        table.add_row(model, f"{one.requests:,}", f"{one.per_second:.0f}", *marked)
    console.print(table)
    for error in errors:
        console.print(f"[red]wrong:[/] {error}", highlight=False)
    for miss in missed:
        console.print(f"[red bold]missed:[/] {miss}", highlight=False)
    if not missed:
        console.print("[green]every objective was met[/]")


def errors_of(environment: Any) -> list[str]:
    """Errors by model, with their numbers; and exceptions of the load test itself."""
    found = sorted(environment.stats.errors.values(), key=lambda error: -error.occurrences)
    own = environment.runner.exceptions.values()
    return [
        *(f"{error.occurrences} x {error.name}: {str(error.error)[:200]}" for error in found[:20]),
        *(f"{one['count']} x in the load test itself: {one['msg'][:200]}" for one in list(own)[:5]),
    ]
