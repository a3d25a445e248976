"""The plots of a run, as small PNG files: throughput and latency over connections, and the cost of a prediction."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.aims import OURS
from benchmarks.losses import shown
from benchmarks.plan import CELLS
from benchmarks.summary import Figure, Measure, Summary, p99, per_second

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUR_COLOUR = "#c8102e"
#: Colours for colour-blind readers (Okabe and Ito), and a marker each.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#7f7f7f", "#d0b000", "#000000", "#8c510a")
MARKERS = "svD^P<X>p"
CONNECTIONS = sorted({connections for connections, _ in CELLS})


def draw(summary: Summary, folder: Path) -> list[Path]:
    style()
    folder.mkdir(parents=True, exist_ok=True)
    servers = shown(summary)
    return [
        _lines(summary, servers, folder / "throughput.png", per_second, "answered requests/s"),
        _lines(summary, servers, folder / "latency.png", p99, "p99, ms"),
        _bars(summary, servers, folder / "cost.png"),
    ]


def style() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams.update({"font.size": 9, "axes.grid": True})
    mpl.rcParams.update({"grid.color": "#e6e6e6", "axes.axisbelow": True, "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False})


def _look(servers: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for place, server in enumerate(servers):
        if server == OURS:
            found[server] = {"color": OUR_COLOUR, "marker": "o", "linewidth": 2.4, "zorder": 5}
        else:
            found[server] = {
                "color": COLOURS[place % len(COLOURS)],
                "marker": MARKERS[place % len(MARKERS)],
                "linewidth": 1.2,
            }
    return found


def _lines(summary: Summary, servers: Sequence[str], file: Path, measure: Measure, label: str) -> Path:
    """A line for each server over the number of connections; a column for each model, a row for 1 and 64 rows."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    models, sizes = summary.models, (1, 64)
    figure, axes = plt.subplots(
        len(sizes), len(models), figsize=(1.2 + 2.9 * len(models), 5.8), squeeze=False, sharex=True, sharey="row"
    )
    looks = _look(servers)
    for line, rows in enumerate(sizes):
        for column, model in enumerate(models):
            ax = axes[line][column]
            for server in servers:
                points = {
                    one: found for one in CONNECTIONS if (found := summary.of(server, model, (one, rows), measure))
                }
                _line(ax, points, summary.title(server), looks[server])
            ax.set_xscale("log", base=2)
            ax.set_xticks(CONNECTIONS, [str(one) for one in CONNECTIONS])
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            ax.yaxis.set_minor_formatter(NullFormatter())
            ax.set_title(f"{model}, {rows} row{'s' if rows > 1 else ''} a request", fontsize=9, loc="left")
            if line == len(sizes) - 1:
                ax.set_xlabel("connections")
            if column == 0:
                ax.set_ylabel(label)
    return _save(figure, axes, file, [summary.title(server) for server in servers])


def _line(ax: Axes, points: dict[int, Figure], title: str, look: dict[str, Any]) -> None:
    shown = {one: found for one, found in points.items() if found.low > 0}
    if shown:
        figures = shown.values()
        ax.plot(list(shown), [found.median for found in figures], label=title, markersize=4.5, **look)
        lows, highs = [found.low for found in figures], [found.high for found in figures]
        ax.vlines(list(shown), lows, highs, color=look["color"], alpha=0.5)


def _bars(summary: Summary, servers: Sequence[str], file: Path) -> Path:
    """Processor seconds for a million predictions, requests with one row, 64 connections."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, len(summary.models), figsize=(1.2 + 2.9 * len(summary.models), 3.2), squeeze=False, sharey=True
    )
    looks = _look(servers)
    for column, model in enumerate(summary.models):
        ax = axes[0][column]
        for place, server in enumerate(servers):
            found = summary.of(
                server, model, (64, 1), lambda load: load.cpu_seconds_per_million if load.answered else None
            )
            if found:
                ax.barh(place, found.median, color=looks[server]["color"])
                ax.text(found.median, place, f" {found.median:,.0f}", va="center", fontsize=8)
        ax.set_yticks(range(len(servers)), [summary.title(server) for server in servers])
        ax.set_ylim(len(servers) - 0.4, -0.6)
        ax.margins(x=0.25)
        ax.grid(axis="y", visible=False)
        ax.set_title(f"{model}", fontsize=9, loc="left")
        ax.set_xlabel("processor seconds")
    figure.suptitle("for a million predictions, one row a request, 64 connections", fontsize=9, x=0.01, ha="left")
    figure.tight_layout()
    return _written(figure, file)


def _save(figure: Any, axes: Any, file: Path, titles: Sequence[str]) -> Path:
    known: dict[str, Any] = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    order = [title for title in titles if title in known]
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    columns = min(len(order), 2 * axes.shape[1])
    figure.legend([known[title] for title in order], order, loc="lower center", ncols=columns, frameon=False)
    return _written(figure, file)


def _written(figure: Any, file: Path) -> Path:
    """Equal numbers give equal files. A palette of 48 colours keeps a plot under 60 KB."""
    from matplotlib import pyplot as plt
    from PIL import Image

    picture = io.BytesIO()
    figure.savefig(picture, dpi=80, metadata={"Software": None})
    plt.close(figure)
    Image.open(picture).convert("RGB").quantize(48).save(file, optimize=True)
    return file
