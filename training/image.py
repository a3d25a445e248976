"""The image net: made pictures or real ones, a few epochs of torch, an export that serves without torch."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from bentos.image.card import CARD
from bentos.image.model import ImageModel, network
from jubako import pictures
from jubako.card import AnyCard
from jubako.models import AnyModel, Batch
from jubako.onnx import ONNX_FILE
from jubako.training.parity import kept
from jubako.training.recipe import Dataset, Fitted, Log, Param, Params, Truth
from training import image_onnx
from training.data import albums
from training.data import pictures as made

if TYPE_CHECKING:
    from torch import nn

#: One, because the order of additions depends on it, and because two that wait for each other on a busy machine take
#: far longer than one that does not.
THREADS = 1
NORMAL = "_normal"


class ImageRecipe:
    card: ClassVar[AnyCard] = CARD
    model: ClassVar[type[AnyModel]] = ImageModel
    defaults: ClassVar[Params] = {
        "epochs": 16,
        "batch_size": 64,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "width": 32,
    }

    def make(self, seed: int, size: int | None = None) -> Dataset:
        return made.made(seed, size)

    def read(self, path: Path) -> Dataset:
        return albums.read(path)

    def fetch(self, source: str) -> Dataset:
        return albums.fetch(source)

    def suggest(self, trial: Any) -> dict[str, Param]:
        return {
            "epochs": trial.suggest_int("epochs", 8, 30),
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1e-1, log=True),
            "width": trial.suggest_categorical("width", [16, 24, 32, 48]),
        }

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return Fitted(ImageModel.of(_trained(np.asarray(batch), truth, params, log)))
        finally:
            torch.set_num_threads(threads)

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        image_onnx.write(cast("nn.Sequential", cast(ImageModel, model).network), folder)
        fast, slow = ImageModel.load(folder).predict(sample), model.predict(sample)
        same = fast.argmax(axis=1) == slow.argmax(axis=1)
        found = {"max_difference": float(np.abs(fast - slow).max()), "equal_labels": float(same.mean())}
        return kept(folder / ONNX_FILE, found)


def _trained(batch: np.ndarray[Any, Any], truth: Truth, params: Params, log: Log) -> nn.Sequential:
    import torch
    from torch.nn import functional

    inputs = torch.tensor(pictures.pixels(batch)).permute(0, 3, 1, 2)
    labels = torch.tensor(truth)
    width, epochs, size = (int(params[name]) for name in ("width", "epochs", "batch_size"))
    net = _with_normalisation(network([width, width, width, width])).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    rate = float(params["learning_rate"])
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=float(params["weight_decay"]))
    steps = -(-len(labels) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    for epoch in range(epochs):
        loss, hits = 0.0, 0
        for places in torch.split(torch.randperm(len(labels)), size):
            turned = inputs[places].flip([axis for axis in (2, 3) if torch.rand(()) < 0.5])
            logits = net(turned.float() / 255)
            error = functional.cross_entropy(logits, labels[places])
            optimizer.zero_grad()
            error.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            loss += float(error.detach()) * len(places)
            hits += int((logits.argmax(dim=1) == labels[places]).sum())
        log("train_loss", loss / len(labels), epoch)
        log("train_accuracy", hits / len(labels), epoch)
        log("progress", (epoch + 1) / epochs, epoch)
    return _folded(net.eval())


def _with_normalisation(net: nn.Sequential) -> nn.Sequential:
    """The net to train: every convolution is followed by batch normalisation."""
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in net.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d):
            layers[name + NORMAL] = nn.BatchNorm2d(layer.out_channels)
    return nn.Sequential(layers)


def _folded(trained: nn.Sequential) -> nn.Sequential:
    """The net to serve: normalisation, and the scale of bytes, are part of the convolutions' weights."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    layers = OrderedDict(trained.named_children())
    for name, layer in list(layers.items()):
        if isinstance(layer, nn.Conv2d):
            layers[name] = fuse_conv_bn_eval(layer, cast(nn.BatchNorm2d, layers.pop(name + NORMAL)))
    first = cast(nn.Conv2d, layers["places"])
    first.weight.data /= 255
    return nn.Sequential(layers)


RECIPE = ImageRecipe()
