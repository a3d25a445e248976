"""How long texts slow down short ones, at a running service: ``python -m benchmarks.studies.long_texts PORT``.

Short reviews arrive at random times, in turn alone and mixed with one long text in five. The latency of the short ones
is compared.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.arrivals import offer
from benchmarks.places import COLLECTION
from benchmarks.wires import Rows
from training.data.reviews import ReviewMaker

LONG_SHARE = 0.2
LONG_CHARACTERS = 700
"""Of a long text: about 180 tokens, where a review has 15."""
AIM = 1.5


def requests(texts: list[str]) -> list[bytes]:
    wire = Rows("/v1/{model}/predict")
    return [wire.ask(COLLECTION.cards["sentiment"], [{"text": text}]).raw() for text in texts]


def short_and_long(count: int = 1_000) -> tuple[list[bytes], list[bytes]]:
    reviews = [review.text for review in ReviewMaker(3).make(count * 20)]
    words = " ".join(reviews)
    long = [words[place * LONG_CHARACTERS : (place + 1) * LONG_CHARACTERS] for place in range(count)]
    return requests(reviews[:count]), requests(long)


async def compare(port: int, rate: float, seconds: float, rounds: int) -> list[tuple[dict[str, Any], ...]]:
    """For each round: the short ones alone, the short ones among long ones, the long ones."""
    short, long = short_and_long()
    found: list[tuple[dict[str, Any], ...]] = []
    for _ in range(rounds):
        alone = await offer(port, short, rate * (1 - LONG_SHARE), seconds, lanes=64)
        mixed = await asyncio.gather(
            offer(port, short, rate * (1 - LONG_SHARE), seconds, lanes=64),
            offer(port, long, rate * LONG_SHARE, seconds, lanes=64),
        )
        found.append((alone, *mixed))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=500, help="requests a second, long ones included")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    found = uvloop.run(compare(arguments.port, arguments.rate, arguments.seconds, arguments.rounds))
    table = Table("milliseconds", "p50", "p99", "longest", "answered", "refused", title="Sentiment, median of rounds")
    for place, title in enumerate(("short, alone", "short, one in five long", "those long ones")):
        middle = {key: statistics.median(turn[place][key] for turn in found) for key in found[0][place]}
        table.add_row(
            title, *(f"{middle[key]:.1f}" for key in ("p50", "p99", "longest")), f"{middle['answered']:,.0f}",
            f"{middle['refused'] + middle['broken']:,.0f}",
        )  # fmt: skip
    Console().print(table)
    if any(part["refused"] + part["broken"] for turn in found for part in turn):
        raise SystemExit("requests were refused, so their times mean nothing: ask for a lower --rate")
    ratios = sorted(mixed["p99"] / alone["p99"] for alone, mixed, _ in found)
    ratio = statistics.median(ratios)
    said = "met" if ratio <= AIM else "MISSED"
    print(
        f"short texts' p99 is {ratio:.2f} times that without long ones ({ratios[0]:.2f} to {ratios[-1]:.2f}); ", end=""
    )
    print(f"aim at most {AIM}: {said}")


if __name__ == "__main__":
    main()
