"""The queue of one model when API keys have shares: many calls of one key do not delay those of another."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Set

from jubako.batching.calls import PendingCall
from jubako.batching.quotas import ApiKey
from jubako.batching.schedulers import FifoScheduler


class _Lane:
    __slots__ = ("calls", "key", "rows", "turn", "weight")

    def __init__(self, key: ApiKey | None, calls: FifoScheduler) -> None:
        self.key = key
        self.calls = calls
        self.rows = self.weight = 0
        self.turn = 0.0

    def taken(self, call: PendingCall) -> None:
        self.rows -= call.rows
        self.weight -= call.weight
        share = None if self.key is None else self.key.queue_share
        self.turn += call.weight / (share or 1.0)


class FairScheduler:
    """Start-time fair queueing: a lane for each key with a share, and one for all others, with a share of 1.

    The next call is of the lane whose turn is the earliest; its turn then moves back by what the call weighs, divided
    by the key's share. A batch is filled from several lanes, so fairness does not make batches smaller. With calls in
    one lane only, this is the scheduler of that lane.
    """

    def __init__(self, make: Callable[[], FifoScheduler]) -> None:
        self._make = make
        self._lanes: dict[ApiKey | None, _Lane] = {}
        self._queued: list[_Lane] = []
        """The lanes that have calls."""
        self._now = 0.0
        """The turn of the call that was taken last: a lane that was idle begins here, so it saves up nothing."""

    def queued(self, key: ApiKey) -> tuple[int, int]:
        """Rows and weight of a key's queued calls."""
        lane = self._lanes.get(key)
        return (0, 0) if lane is None else (lane.rows, lane.weight)

    def add(self, call: PendingCall) -> None:
        key = call.key if call.key is not None and call.key.queue_share is not None else None
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key, self._make())
        if not len(lane.calls):
            lane.turn = max(lane.turn, self._now)
            self._queued.append(lane)
        lane.calls.add(call)
        lane.rows += call.rows
        lane.weight += call.weight

    def take(self) -> list[PendingCall]:
        if len(self._queued) > 1:
            taken = self._take_in_turn()
        else:
            (lane,) = self._queued
            self._now = max(self._now, lane.turn)
            taken = lane.calls.take()
            for call in taken:
                lane.taken(call)
        self._queued = [lane for lane in self._queued if len(lane.calls)]
        return taken

    def _take_in_turn(self) -> list[PendingCall]:
        taken: list[PendingCall] = []
        rows = weight = 0
        turns = [(lane.turn, place, lane) for place, lane in enumerate(self._queued)]
        heapq.heapify(turns)
        while turns:
            turn, place, lane = turns[0]
            call = lane.calls.first()
            if taken and not lane.calls.fits(call, rows, weight):
                heapq.heappop(turns)  # it begins the next batch, since its turn stays early
                continue
            lane.calls.pop()
            self._now = max(self._now, turn)
            lane.taken(call)
            taken.append(call)
            rows += call.rows
            weight += call.weight
            if len(lane.calls):
                heapq.heapreplace(turns, (lane.turn, place, lane))
            else:
                heapq.heappop(turns)
        return taken

    def remove(self, expired: Set[PendingCall]) -> None:
        for lane in self._queued:
            lane.calls.remove(expired)
            lane.rows = sum(call.rows for call in lane.calls)
            lane.weight = sum(call.weight for call in lane.calls)
        self._queued = [lane for lane in self._queued if len(lane.calls)]

    def __len__(self) -> int:
        return sum(len(lane.calls) for lane in self._queued)

    def __iter__(self) -> Iterator[PendingCall]:
        return (call for lane in self._queued for call in lane.calls)
