"""The measurements in which a peer does better than Jubako, all of them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.aims import OURS
from benchmarks.plan import Cell
from benchmarks.servers import PEERS
from benchmarks.summary import Figure, Summary, p50, per_second


@dataclass(frozen=True, slots=True)
class Beside:
    """One measurement of Jubako beside the best peer there."""

    model: str
    cell: Cell
    peer: str
    ratio: Figure
    """Ours over theirs: above 1 is better for throughput, below 1 for latency."""

    @property
    def lost(self) -> bool:
        """For throughput."""
        return self.ratio.median < 1


def throughput(summary: Summary) -> list[Beside]:
    """Every load, beside the peer with the most requests/s."""
    found = []
    for model, cell, peers in _measured(summary):
        best = max(peers, key=lambda peer: peers[peer].median)
        ratio = summary.ratio(OURS, best, model, cell)
        if ratio:
            found.append(Beside(model, cell, best, ratio))
    return found


def single(summary: Summary) -> list[Beside]:
    """One connection with one row, beside the peer with the lowest latency."""
    found = []
    for model in summary.models:
        times = {peer: at for peer in rivals(summary) if (at := summary.of(peer, model, (1, 1), p50))}
        if times:
            best = min(times, key=lambda peer: times[peer].median)
            ratio = summary.ratio(OURS, best, model, (1, 1), p50)
            if ratio:
                found.append(Beside(model, (1, 1), best, ratio))
    return found


def rivals(summary: Summary) -> list[str]:
    """The peers at their best settings that took part."""
    contestants = summary.run.contestants
    return [name for name in contestants if not name.startswith(OURS) and not contestants[name].documented]


def shown(summary: Summary) -> list[str]:
    """Jubako first, then its peers at their best."""
    return [*(name for name in summary.servers if name == OURS), *rivals(summary)]


def absent(summary: Summary) -> list[str]:
    """The titles of the peers that took no part in this run."""
    return [server.title for server in PEERS if server.name not in summary.servers]


def _measured(summary: Summary) -> list[tuple[str, Cell, dict[str, Figure]]]:
    found = []
    for model in summary.models:
        for cell in summary.cells(model):
            peers = {peer: at for peer in rivals(summary) if (at := summary.of(peer, model, cell, per_second))}
            if peers:
                found.append((model, cell, peers))
    return found
