"""The two nets on a GPU, in process: how much of the card they use, and what a batch's size does.

Needs torch, transformers and numpy, nothing of this project: copy the file to the machine with the card and run it.
``python gpu.py --out gpu.json``; without a card ``--device cpu --tiny`` shows that it works. Weights are random: they
change no time. Texts are full (no padding), so the numbers are the upper end of what mixed texts reach.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

TOKENS = 128
WIDTHS = (64, 64, 64, 32)
"""Of the image model's layers; the trained one's are of this order."""
COLOURS = 10
SIDE = 32


@dataclass(frozen=True)
class Point:
    """One batch size. ``per_second`` with calls back to back; latencies with copies to and from the card in each."""

    batch: int
    per_second: float
    share: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Net:
    name: str
    call: Callable[[Any], Any]
    inputs: Callable[[int], np.ndarray[Any, Any]]
    flops: float
    """Of one row; two for each multiplication with addition, embeddings and activations not counted."""


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(call: Callable[[], object], device: str, at_least: float, warm: int = 5) -> float:
    """Of one call, when many are made back to back."""
    for _ in range(warm):
        call()
    wait(device)
    turns, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < at_least or turns < 3:
        for _ in range(8 if device == "cuda" else 1):
            call()
            turns += 1
        wait(device)
    return passed / turns


def matmul_rate(device: str, sizes: tuple[int, ...], at_least: float) -> float:
    """FLOP/s of the best square bf16 matrix product: what this card really gives, not what its sheet says."""
    best = 0.0
    for size in sizes:
        left = torch.randn(size, size, device=device, dtype=torch.bfloat16)
        right = torch.randn(size, size, device=device, dtype=torch.bfloat16)
        taken = seconds(lambda left=left, right=right: left @ right, device, at_least)  # type: ignore[misc]
        best = max(best, 2 * size**3 / taken)
    return best


def distilbert_flops(tokens: int, layers: int, width: int, inner: int) -> float:
    """
    >>> round(distilbert_flops(128, 6, 768, 3072) / 1e9, 1)
    11.2
    """
    products = 4 * width**2 + 2 * width * inner + 2 * tokens * width
    return 2.0 * layers * tokens * products


def distilbert(device: str, tiny: bool) -> Net:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    size = {"n_layers": 2, "dim": 128, "hidden_dim": 256, "n_heads": 4, "vocab_size": 1_000} if tiny else {}
    config = DistilBertConfig(**size)
    model = DistilBertForSequenceClassification(config).eval().to(device, torch.bfloat16)
    flops = distilbert_flops(TOKENS, config.n_layers, config.dim, config.hidden_dim)
    random = np.random.default_rng(0)
    return Net(
        f"DistilBERT ({'tiny' if tiny else 'base'}), bf16, {TOKENS} tokens",
        lambda ids: model(input_ids=ids).logits,
        lambda rows: random.integers(1, config.vocab_size, (rows, TOKENS), dtype=np.int64),
        flops,
    )


def image_net(device: str) -> Net:
    """The image model's layers: a 3 x 3 convolution at every second place, two 1 x 1, the mean, two linear ones."""
    from torch import nn

    places, mix, names, weigh = WIDTHS
    layers = (
        nn.Conv2d(3, places, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(places, mix, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(mix, names, 1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(names, weigh),
        nn.ReLU(inplace=True),
        nn.Linear(weigh, COLOURS),
    )
    model = nn.Sequential(*layers).eval().to(device, torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    where = (SIDE // 2) ** 2
    flops = 2.0 * (where * (27 * places + places * mix + mix * names) + names * weigh + weigh * COLOURS)
    random = np.random.default_rng(0)
    return Net(
        f"CNN, bf16, {SIDE} x {SIDE} pixels",
        lambda pixels: model(pixels.permute(0, 3, 1, 2).to(torch.bfloat16)),
        lambda rows: random.integers(0, 256, (rows, SIDE, SIDE, 3), dtype=np.uint8),
        flops,
    )


def curve(net: Net, device: str, sizes: tuple[int, ...], rate: float, at_least: float) -> Iterator[Point]:
    for size in sizes:
        rows = net.inputs(size)
        there = torch.from_numpy(rows).to(device)
        with torch.inference_mode():
            taken = seconds(lambda there=there: net.call(there), device, at_least)  # type: ignore[misc]
            times: list[float] = []
            end = time.perf_counter() + at_least
            while len(times) < 20 or (time.perf_counter() < end and len(times) < 2_000):
                started = time.perf_counter()
                net.call(torch.from_numpy(rows).to(device)).float().cpu().numpy()
                times.append(time.perf_counter() - started)
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        yield Point(size, size / taken, size / taken * net.flops / rate, float(p50), float(p99))


def measure(device: str, tiny: bool, compiled: bool) -> dict[str, Any]:
    at_least = 0.05 if tiny else 1.0
    rate = matmul_rate(device, (256, 512) if tiny else (4_096, 8_192, 16_384), at_least)
    texts = (1, 8) if tiny else (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
    pictures = (1, 64) if tiny else (1, 8, 64, 256, 1_024, 4_096, 16_384)
    print(f"bf16 matrix product: {rate / 1e12:,.2f} TFLOP/s measured")
    found: list[dict[str, Any]] = []
    for net, sizes in ((distilbert(device, tiny), texts), (image_net(device), pictures)):
        for how in ("eager", "compiled") if compiled else ("eager",):
            call = torch.compile(net.call, dynamic=False) if how == "compiled" else net.call
            print(f"\n{net.name}, {how}\n{'batch':>6} {'rows/s':>12} {'of matmul':>10} {'p50 ms':>9} {'p99 ms':>9}")
            points = []
            for point in curve(Net(net.name, call, net.inputs, net.flops), device, sizes, rate, at_least):
                points.append(asdict(point))
                print(
                    f"{point.batch:>6} {point.per_second:>12,.0f} {point.share:>10.1%}"
                    f" {point.p50_ms:>9.2f} {point.p99_ms:>9.2f}",
                    flush=True,
                )
            found.append({"net": net.name, "how": how, "flops": net.flops, "points": points})
    card = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return {"device": card, "torch": torch.__version__, "tiny": tiny, "matmul_flops": rate, "nets": found}


def main(given: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--tiny", action="store_true", help="small nets and short times: whether it works, not how fast"
    )
    parser.add_argument("--compiled", action="store_true", help="measure torch.compile beside eager execution")
    parser.add_argument("--out", type=Path, help="where the numbers go, as JSON for the plot")
    options = parser.parse_args(given)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here that torch can use; `--device cpu --tiny` shows that the script works.")
        return
    torch.manual_seed(0)
    found = measure(options.device, options.tiny, options.compiled)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
