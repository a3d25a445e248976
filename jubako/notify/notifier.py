"""Sends events from threads of their own: one a channel, so that a dead mail server does not delay a webhook.

``tell`` never blocks and never raises. A channel tries again with growing pauses, then gives an event up; what finds a
full queue is dropped. All of it is counted.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

from jubako.notify.channels import Channel, Undelivered
from jubako.notify.events import Event

Outcome = Literal["sent", "failed", "dropped"]
WAITING = 100
"""Events that may wait for a channel."""
ATTEMPTS = 6
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

log = logging.getLogger("jubako.notify")


class Notifier:
    """``count`` is told the channel's kind and the outcome of each event."""

    def __init__(
        self,
        channels: Sequence[Channel],
        count: Callable[[str, Outcome], None] = lambda _kind, _outcome: None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._count = count
        self._stopping = threading.Event()
        self._senders = [_Sender(channel, count, first_pause, self._stopping) for channel in channels]
        for sender in self._senders:
            sender.start()

    def tell(self, event: Event) -> None:
        for sender in self._senders:
            if sender.channel.takes(event):
                sender.offer(event)

    def close(self, seconds: float) -> bool:
        """Send what waits, for so long, without pauses; whether all was sent or given up."""
        self._stopping.set()
        until = time.monotonic() + seconds
        for sender in self._senders:
            sender.join(max(0.0, until - time.monotonic()))
        return not any(sender.is_alive() for sender in self._senders)


class _Sender(threading.Thread):
    def __init__(
        self,
        channel: Channel,
        count: Callable[[str, Outcome], None],
        first_pause: float,
        stopping: threading.Event,
    ) -> None:
        super().__init__(name=f"jubako-notify-{channel.kind}", daemon=True)
        self.channel = channel
        self._count = count
        self._first_pause = first_pause
        self._stopping = stopping
        self._waiting: queue.Queue[Event] = queue.Queue(WAITING)

    def offer(self, event: Event) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._ended(event, "dropped", f"{WAITING} others wait for it")

    def run(self) -> None:
        while True:
            try:
                event = self._waiting.get(timeout=0.2)
            except queue.Empty:
                if self._stopping.is_set():
                    return
                continue
            try:
                self._send(event)
            except Exception as error:
                self._ended(event, "failed", f"{type(error).__name__}: {error}")

    def _send(self, event: Event) -> None:
        pause = self._first_pause
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.channel.send(event)
            except Undelivered as error:
                if attempt == ATTEMPTS or not error.again or self._stopping.is_set():
                    self._ended(event, "failed", f"{error}, after {attempt} attempts")
                    return
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._ended(event, "sent")
                return

    def _ended(self, event: Event, outcome: Outcome, why: str = "") -> None:
        self._count(self.channel.kind, outcome)
        if outcome != "sent":
            log.error("%s by %s: %s: %s", outcome, self.channel.kind, event.title, why)
