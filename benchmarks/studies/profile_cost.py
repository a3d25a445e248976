"""What monitoring costs: microseconds a row for each model, and the requests a second that it takes from an event loop.

    python -m benchmarks.studies.profile_cost [--rounds 12] [--seconds 3]

On and off take turns in one run, so that both meet the same machine; only their ratio counts. Where other programs
compete for the processor, the processor time of a request says more than the requests a second.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.places import COLLECTION
from jubako.gateway.json_rows import JsonRows
from jubako.models import Outputs
from jubako.monitoring.archive.prediction_log import LogBlock, pack
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import Observation, ObservationGroup
from jubako.monitoring.record.profiles import Sketches
from jubako.monitoring.record.recorder import Recorder
from jubako.settings import MonitoringSettings

ROWS = 2_000


def median_microseconds(work: Callable[[], Any], rows: int, times: int = 15) -> float:
    taken = []
    for _ in range(times):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return statistics.median(taken) / rows * 1e6


def answers(name: str, rows: int) -> Outputs:
    rng = np.random.default_rng(0)
    outputs = len(COLLECTION.cards[name].outputs)
    return rng.dirichlet(np.ones(max(2, outputs)), rows)[:, :outputs].astype("f4")


def columns(name: str) -> None:
    card, model = COLLECTION.cards[name], COLLECTION.models[name]
    examples = [card.row.model_validate_json(orjson.dumps(example)) for example in card.examples]
    batch, outputs = model.encode([examples[row % len(examples)] for row in range(ROWS)]), answers(name, ROWS)
    signals = model.signals(batch, outputs)
    checked = check(card, signals)
    sketches = Sketches(card)
    single = [Observation(name, "v", f"{row:021x}", batch[row : row + 1], outputs[row : row + 1], 0.0)
              for row in range(ROWS)]  # fmt: skip
    group = ObservationGroup.of(0.0, single)
    costs = {
        "join": median_microseconds(lambda: ObservationGroup.of(0.0, single), ROWS),
        "signals": median_microseconds(lambda: model.signals(batch, outputs), ROWS),
        "check": median_microseconds(lambda: check(card, signals), ROWS),
        "sketch": median_microseconds(lambda: sketches.track(checked), ROWS),
        "log": median_microseconds(lambda: pack("v", LogBlock(card, [group], [checked])), ROWS),
    }
    shown = "  ".join(f"{part} {cost:5.2f}" for part, cost in costs.items())
    print(f"  {name:<10} {shown}   together {sum(costs.values()):5.2f}")


def observing() -> float:
    """Microseconds for one call of ``observe``, with its observation."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(
            Path(folder), MonitoringSettings(buffer_rows=10_000_000), COLLECTION.models
        )  # not started: only the request's side
        batch, outputs = np.zeros((1, 4), "f4"), np.zeros((1, 3), "f4")

        def hundred() -> None:
            for _ in range(100):
                recorder.observe(Observation("iris", "v", "0193662f1c2a3b4c5d6e7", batch, outputs, time.time()))

        return median_microseconds(hundred, 100, 200)


async def traffic(name: str, seconds: float, observe: Callable[[Observation], None] | None) -> tuple[int, list[float]]:
    """Requests answered in a loop as the gateway does it, without the hop: read, check, encode, decode, write."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    card, model = COLLECTION.cards[name], COLLECTION.models[name]
    rows: JsonRows[Any] = JsonRows(card, 100)
    body = orjson.dumps({"inputs": [card.examples[0]]})
    outputs = answers(name, 1)
    count, waits = 0, []
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        await loop.sock_sendall(theirs, body)
        batch = model.encode(rows.read(await loop.sock_recv(ours, 65_536)))
        mark = f"{time.time_ns() // 1_000_000:011x}aabbcc{count & 0xFFFF:04x}"
        told = model.decode(outputs)
        told[0]["id"] = f"{name}:v:{mark}.0"
        await loop.sock_sendall(ours, orjson.dumps({"predictions": told}))
        await loop.sock_recv(theirs, 65_536)
        if observe:
            observe(Observation(name, "v", mark, batch, outputs, time.time()))
        count += 1
        waits.append(time.perf_counter() - started)
    ours.close()
    theirs.close()
    return count, waits


def on_and_off(name: str, rounds: int, seconds: float) -> None:
    ratios, costs, rates, late_on, late_off = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder), MonitoringSettings(), COLLECTION.models)
        recorder.start()
        recorder.flush(60.0)
        gc.freeze()  # as the gateway does when it has started
        for _ in range(rounds):
            clock = time.process_time()
            off, waits_off = asyncio.run(traffic(name, seconds, None))
            cost_off = (time.process_time() - clock) / off
            clock = time.process_time()
            on, waits_on = asyncio.run(traffic(name, seconds, recorder.observe))
            recorder.flush(60.0)
            costs.append((cost_off, (time.process_time() - clock) / on))
            ratios.append(on / off)
            rates.append(on / seconds)
            late_off.append(float(np.quantile(waits_off, 0.99)) * 1e3)
            late_on.append(float(np.quantile(waits_on, 0.99)) * 1e3)
        recorder.stop(60.0)
        account = recorder.accounting()[name]
    cost_off, cost_on = (statistics.median(values) * 1e6 for values in zip(*costs, strict=True))
    print(
        f"  {name:<9} {statistics.median(rates):7,.0f} requests/s with, {_less(statistics.median(ratios))} than without"
        f" ({_less(max(ratios))} to {_less(min(ratios))}); processor time {cost_on:.0f} us a request, without"
        f" {cost_off:.0f}; p99 {statistics.median(late_on):.2f} ms, without {statistics.median(late_off):.2f};"
        f" {account.profiled:,} of {account.received:,} rows profiled"
    )


def _less(ratio: float) -> str:
    return f"{100 * abs(1 - ratio):.1f} % {'fewer' if ratio <= 1 else 'more'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    print(f"Microseconds a row in the profiler thread, {ROWS:,} requests of one row:")
    for name in COLLECTION.models:
        columns(name)
    print(f"Microseconds for a request in the event loop: {observing():.2f}")
    print("Requests of one row, one event loop, the profiler thread beside it:")
    for name in (name for name in COLLECTION.models if COLLECTION.cards[name].media == "json"):
        on_and_off(name, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
