"""The image net as an ONNX graph that takes encoded rows as they come over the wire.

Written out rather than traced: it is a dozen nodes, the export takes milliseconds instead of seconds, and turning bytes
into numbers happens inside, where it costs one pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bentos.image.card import COLOURS
from jubako.onnx import ONNX_FILE
from jubako.pictures import PIXELS, ROW_BYTES, SIDE

if TYPE_CHECKING:
    from torch import nn


def write(network: nn.Sequential, folder: Path) -> None:
    from onnx import TensorProto, checker, helper, numpy_helper
    from torch import nn

    numbers = {"begin": [0], "end": [PIXELS], "axis": [1], "form": [-1, SIDE, SIDE, 3]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()]
    nodes = [
        helper.make_node("Slice", ["rows", "begin", "end", "axis"], ["bytes"]),
        helper.make_node("Reshape", ["bytes", "form"], ["picture"]),
        helper.make_node("Transpose", ["picture"], ["colours_first"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["colours_first"], ["input"], to=TensorProto.FLOAT),
    ]
    before = "input"
    for name, layer in network.named_children():
        kind = ""
        extra: dict[str, Any] = {}
        if isinstance(layer, nn.Conv2d):
            kind = "Conv"
            extra = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": layer.padding * 2}
        elif isinstance(layer, nn.Linear):
            kind = "Gemm"
            extra = {"transB": 1}
        elif isinstance(layer, nn.ReLU):
            kind = "Relu"
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            kind = "GlobalAveragePool"
        elif isinstance(layer, nn.Flatten):
            kind = "Flatten"
        weights = {f"{name}.{part}": tensor.numpy() for part, tensor in layer.state_dict().items()}
        constants += [numpy_helper.from_array(np.ascontiguousarray(array), part) for part, array in weights.items()]
        nodes.append(helper.make_node(kind, [before, *weights], [name], **extra))
        before = name
    nodes.append(helper.make_node("Softmax", [before], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, ["rows", ROW_BYTES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(COLOURS)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    (folder / ONNX_FILE).write_bytes(model.SerializeToString())
