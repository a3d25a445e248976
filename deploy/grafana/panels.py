"""The kinds of panels that all dashboards use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
"""As provisioned in ``provisioning/datasources``."""
WIDE, HALF, THIRD, SIXTH = 24, 12, 8, 4
GOOD, LOOK, BAD = "green", "orange", "red"


@dataclass(frozen=True)
class Query:
    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Thresholds:
    """From which value a number is worth a look, and from which it is bad; the other way round where less is worse."""

    look: float
    bad: float

    def steps(self) -> builders.ThresholdsConfig:
        falling = self.bad < self.look
        below, between, above = (BAD, LOOK, GOOD) if falling else (GOOD, LOOK, BAD)
        first, second = sorted((self.look, self.bad))
        steps = [models.Threshold(None, below), models.Threshold(first, between), models.Threshold(second, above)]
        return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def chart(
    title: str,
    says: str,
    unit: str,
    *queries: Query,
    span: int = HALF,
    stacked: bool = False,
    limits: Thresholds | None = None,
    most: float | None = None,
    logarithmic: bool = False,
) -> timeseries.Panel:
    """Lines over time; the legend is a table, because colours alone are not read by everybody."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .span(span)
        .height(8)
        .line_width(1.5)
        .fill_opacity(25 if stacked else 6)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
    )
    if logarithmic:
        logarithm = common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)
        panel.scale_distribution(logarithm)
    else:
        panel.min(0)
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if limits:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel.thresholds(limits.steps()).thresholds_style(style)
    if most is not None:
        panel.max(most)
    _add_queries(panel, queries)
    return panel


def number(
    title: str,
    says: str,
    unit: str,
    query: Query,
    *,
    limits: Thresholds | None = None,
    decimals: int = 1,
) -> stat.Panel:
    """The current value, with a sparkline behind it."""
    panel = (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .decimals(decimals)
        .span(SIXTH)
        .height(4)
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.VALUE)
        .no_value("-")
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if limits:
        panel.thresholds(limits.steps())
    else:
        panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color("text"))
    _add_queries(panel, [query])
    return panel


def names(title: str, says: str, query: Query, *, span: int = HALF, height: int = 8) -> stat.Panel:
    """The series by name: the legend is shown, not the value."""
    panel = (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .span(span)
        .height(height)
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.NONE)
        .text_mode(common.BigValueTextMode.NAME)
        .no_value("-")
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    panel.with_target(_target(query, 0).instant())
    return panel


def lanes(
    title: str, says: str, query: Query, *, words: dict[str, tuple[str, str]], span: int = HALF
) -> statetimeline.Panel:
    """States over time, one lane for each series. ``words`` gives each value a word and a colour."""
    options = {value: models.ValueMappingResult(text=text, color=colour) for value, (text, colour) in words.items()}
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .span(span)
        .height(8)
        .show_value(common.VisibilityMode.NEVER)
        .merge_values(True)
        .fill_opacity(75)
        .mappings([models.ValueMap(options=options)])
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
    )
    _add_queries(panel, [query])
    return panel


def _add_queries(panel: Any, queries: Sequence[Query]) -> None:
    for place, query in enumerate(queries):
        panel.with_target(_target(query, place).range())


def _target(query: Query, place: int) -> prometheus.Dataquery:
    asked = prometheus.Dataquery().expr(query.expression).ref_id(chr(ord("A") + place)).datasource(SOURCE)
    return asked.legend_format(query.legend) if query.legend else asked
