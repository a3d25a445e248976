"""What every dashboard has in common: how it is found, refreshed, linked, and marked where an alarm fired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.panels import SOURCE

TAG = "jubako"
Row = tuple[str, Sequence[Any]]


def board(name: str, title: str, says: str, rows: Iterable[Row], variables: Sequence[Any] = ()) -> builders.Dashboard:
    made = (
        builders.Dashboard(title)
        .uid(f"jubako-{name}")
        .description(says)
        .tags([TAG])
        .readonly()
        .time("now-1h", "now")
        .refresh("10s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Jubako")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
            .include_vars(True)
        )
        .annotation(
            builders.AnnotationQuery()
            .name("Alarms")
            .datasource(SOURCE)
            .enable(True)
            .icon_color("red")
            .expr('ALERTS{alertname=~"Jubako.*", alertstate="firing"}')
        )
    )
    for variable in variables:
        made.with_variable(variable)
    for heading, panels in rows:
        made.with_row(builders.Row(heading))
        for panel in panels:
            made.with_panel(panel)
    return made


def choice(name: str, label: str, metric: str, *, several: bool = False) -> builders.QueryVariable:
    """A list to choose from: the values of a label on a metric."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": f"label_values({metric}, {name})", "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        variable.multi(True).include_all(True).all_value(".*")
        variable.current(models.VariableOption(text="All", value="$__all", selected=True))
    return variable
