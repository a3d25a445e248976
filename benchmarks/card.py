"""What ``benchmarks/gpu.py`` found on a machine with a GPU, as a section of the page and a plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.markdown import rows
from benchmarks.table import short

KEPT = "gpu.json"
PLOT = "gpu.svg"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Frozen):
    batch: int
    per_second: float
    share: float
    p50_ms: float
    p99_ms: float


class Net(_Frozen):
    net: str
    how: str
    flops: float
    points: list[Point]

    @property
    def title(self) -> str:
        return f"{self.net}, {self.how}"

    @property
    def best(self) -> Point:
        return max(self.points, key=lambda point: point.per_second)


class Found(_Frozen):
    device: str
    torch: str
    tiny: bool
    matmul_flops: float
    nets: list[Net]


def read(folder: Path) -> Found | None:
    """What was kept beside the page, when somebody had a GPU."""
    file = folder / KEPT
    return Found.model_validate_json(file.read_bytes()) if file.exists() else None


def section(found: Found, folder: str) -> Iterator[str]:
    yield "## On a GPU, in process"
    yield ""
    yield (
        f"{found.device}, torch {found.torch}; `python benchmarks/gpu.py`. Its bf16 matrix product was measured at"
        f" {found.matmul_flops / 1e12:,.0f} TFLOP/s, and the share is of that. Latency includes the copies to and from"
        " the card."
    )
    yield ""
    yield f"![Batch size against throughput and latency]({folder}/{PLOT})"
    yield ""
    lines = (
        (
            net.title,
            f"{net.best.batch:,}",
            short(net.best.per_second),
            f"{net.best.share:.1%}",
            short(net.best.p50_ms),
            short(net.points[0].p50_ms),
        )
        for net in found.nets
    )
    yield from rows(("", "best batch", "rows/s", "of matmul", "p50, ms", "p50 of one row, ms"), lines)


def draw(found: Found, folder: Path) -> Path:
    from matplotlib import pyplot as plt

    nets = list(dict.fromkeys(net.net for net in found.nets))
    figure, axes = plt.subplots(1, len(nets), figsize=(4.6 * len(nets), 3.6), squeeze=False)
    for ax, name in zip(axes[0], nets, strict=True):
        beside = ax.twinx()
        for line, net in zip(("-", "--"), (one for one in found.nets if one.net == name), strict=False):
            sizes = [point.batch for point in net.points]
            throughput = [point.per_second for point in net.points]
            ax.plot(sizes, throughput, line, color="#0072b2", marker="o", markersize=4, label=f"rows/s, {net.how}")
            latency = [point.p50_ms for point in net.points]
            beside.plot(sizes, latency, line, color="#d55e00", marker="s", markersize=4, label=f"p50, {net.how}")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        beside.set_yscale("log")
        beside.grid(visible=False)
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_xlabel("rows in a batch")
        ax.set_ylabel("rows/s", color="#0072b2")
        beside.set_ylabel("p50, ms", color="#d55e00")
        handles = [*ax.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
        ax.legend(handles=handles, fontsize=7, frameon=False, loc="upper left")
    figure.tight_layout()
    file = folder / PLOT
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    return file
