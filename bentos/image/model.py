"""A small convolutional net that names the dominant colour: torch in training and on a GPU, ONNX Runtime on a CPU.

Its first layer looks at places of 3 x 3 pixels, the next two name what is there, the mean over all places says how much
of each there is, and a small layer weighs that. Batch normalisation helps only in training and is folded away after.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bentos.image.card import CARD, COLOURS, ImagePrediction, ImageRow
from jubako import onnx, pictures
from jubako.card import AnyCard
from jubako.files import FileModel
from jubako.models import Batch, Column, Device, Outputs, Runtime
from jubako.onnx import ONNX_FILE

if TYPE_CHECKING:
    import torch
    from torch import nn

SAFETENSORS_FILE = "model.safetensors"
#: Rows in one call to an engine: what lies between two layers stays in the processor's cache (or fills a GPU).
STEP: Mapping[Device, int] = {"cpu": 64, "cuda": 4_096}

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class ImageModel(FileModel[ImageRow, ImagePrediction]):
    card: ClassVar[AnyCard] = CARD
    gpu: ClassVar[float | Literal["auto"]] = "auto"

    def __init__(self, predict: Predict, engine: str, network: nn.Sequential | None = None, step: int = 64) -> None:
        self.network = network
        self.engine = engine
        self._predict = predict
        self._step = step

    @staticmethod
    def decode_file(data: bytes) -> NDArray[np.uint8]:
        return pictures.encode_one(data)

    @classmethod
    def signals(cls, batch: Batch, outputs: Outputs) -> dict[str, Column]:
        # One plane a colour: a largest and smallest of three that lie side by side take numpy ten times as long.
        planes = np.moveaxis(pictures.pixels(batch).reshape(len(batch), -1, 3), 2, 0).copy()
        red, green, blue = planes
        # As bright as people see the colours.
        light = np.float32(0.299 / 255) * red + np.float32(0.587 / 255) * green + np.float32(0.114 / 255) * blue
        most = planes.max(axis=0)
        saturation = (most - planes.min(axis=0)) / np.maximum(most, 1).astype(np.float32)
        return {
            "brightness": light.mean(axis=1, dtype=np.float64),
            "contrast": light.std(axis=1, dtype=np.float64),
            "saturation": saturation.mean(axis=1, dtype=np.float64),
            "pixels": pictures.sizes(batch).astype(np.float64).prod(axis=1),
            **cls.answer_columns(outputs),
        }

    def predict(self, batch: Batch) -> Outputs:
        rows = np.ascontiguousarray(batch, dtype=np.uint8)
        if len(rows) <= self._step:
            return self._predict(rows)
        return np.concatenate([self._predict(rows[at : at + self._step]) for at in range(0, len(rows), self._step)])

    def save(self, folder: Path) -> None:
        if self.network is None:
            raise ValueError("this model was loaded from ONNX; load it with the native engine to save it")
        from safetensors.torch import save_file

        weights = {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        save_file(weights, folder / SAFETENSORS_FILE)

    @classmethod
    def of(cls, network: nn.Sequential, device: Device = "cpu") -> Self:
        """With torch: in float32 on a CPU, in bfloat16 on a GPU."""
        import torch

        if device == "cpu":
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            return cls(_torch(network, "cpu", torch.float32), "torch", network, STEP["cpu"])
        network = network.to("cuda", torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(_torch(network, "cuda", torch.bfloat16), "torch bf16", None, STEP["cuda"])

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = Runtime()) -> Self:
        native = runtime.engine == "native" or runtime.device == "cuda"
        if not native and (folder / ONNX_FILE).exists():
            return cls(_onnx(folder, runtime.threads), "onnxruntime", None, STEP["cpu"])
        import torch
        from safetensors.torch import load_file

        if runtime.device == "cpu":
            torch.set_num_threads(runtime.threads)
        weights = load_file(folder / SAFETENSORS_FILE)
        built = network([len(weights[f"{layer}.bias"]) for layer in LAYERS[:-1]])
        built.load_state_dict(weights)
        return cls.of(built, runtime.device)


#: The layers that have weights, as they are named in the artefact and in the ONNX export.
LAYERS = ("places", "mix", "names", "weigh", "colours")


def network(widths: Sequence[int]) -> nn.Sequential:
    """From RGB between 0 and 255, (rows, 3, 32, 32), to one logit for each colour. ``widths``: of all but the last."""
    from torch import nn

    places, mix, names, weigh = widths
    built = nn.Sequential(
        OrderedDict[str, nn.Module](
            places=nn.Conv2d(3, places, 3, stride=2, padding=1),
            places_on=nn.ReLU(inplace=True),
            mix=nn.Conv2d(places, mix, 1),
            mix_on=nn.ReLU(inplace=True),
            names=nn.Conv2d(mix, names, 1),
            names_on=nn.ReLU(inplace=True),
            shares=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            weigh=nn.Linear(names, weigh),
            weigh_on=nn.ReLU(inplace=True),
            colours=nn.Linear(weigh, len(COLOURS)),
        )
    )
    return built.eval()


def _onnx(folder: Path, threads: int) -> Predict:
    session = onnx.session(folder / ONNX_FILE, threads)

    def predict(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        answers: NDArray[np.float32] = session.run(None, {"rows": rows})[0]
        return answers

    return predict


def _torch(network: nn.Sequential, device: Device, kind: torch.dtype) -> Predict:
    import torch

    def predict(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            # Colours last, as they lie in the file: only the type changes.
            batch = torch.tensor(pictures.pixels(rows), device=device).permute(0, 3, 1, 2).to(kind)
            answers: NDArray[np.float32] = network(batch).float().softmax(dim=1).cpu().numpy()
        return answers

    return predict
