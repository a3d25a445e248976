"""DistilBERT as an ONNX graph of ONNX Runtime's own fused operators.

Written out rather than traced: the export takes milliseconds, the attention and the normalisations are one operator
each, and the last layer is computed only for the mark in front of the text, as in ``bentos/sentiment/distilbert.py``.

In ``int8`` every token has a scale of its own, and every column of weights. ONNX Runtime's dynamic quantisation takes
one scale for the whole batch, so that the answer to a text depends on the texts that it happens to be computed with; a
static scale, fixed in training, does not fit the text that is unlike all others. A scale for each token costs a few
passes over memory more and has neither fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bentos.sentiment.distilbert import EPSILON, DistilBert
from bentos.sentiment.model import ONNX_PRECISION

if TYPE_CHECKING:
    import onnx

Precision = Literal["float32", "int8"]
INT8_FROM = 256
"""Narrower nets gain a tenth at most from int8, and keep their exact answers."""
MIDDLE = 128
"""Zero, as a byte."""
MICROSOFT = "com.microsoft"


class Graph:
    def __init__(self, checkpoint: DistilBert, precision: Precision) -> None:
        self._checkpoint = checkpoint
        self._precision = precision
        self._done: set[str] = set()
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], output, domain=domain, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any] | np.generic) -> str:
        from onnx import numpy_helper

        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.array(values, order="C"), name)
        return name

    def array(self, name: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._checkpoint.weights[name].detach().float().numpy()
        return found

    def weight(self, name: str) -> str:
        return self.constant(name, self.array(name))

    def linear(self, values: str, name: str) -> str:
        """A matrix with a line for each token times a layer's weights, and its bias."""
        if self._precision == "float32":
            return self._exact(values, name)
        whole, scale = self._whole_numbers(values)
        weight, steps = columns(self.array(f"{name}.weight"))
        inputs = [whole, self.constant(f"{name}.whole", weight), self.constant("one.float", np.float32(1))]
        inputs += [self.constant(f"{name}.steps", steps), self.constant("middle", np.uint8(MIDDLE))]
        product = self.node("MatMulIntegerToFloat", inputs, f"{name}.product", MICROSOFT)
        return self.node(
            "Add", [self.node("Mul", [product, scale], f"{name}.scaled"), self.weight(f"{name}.bias")], name
        )

    def _whole_numbers(self, values: str) -> tuple[str, str]:
        """Every token with a scale of its own, so that no answer depends on the texts beside it."""
        if f"{values}.scale" not in self._done:
            self._done.add(f"{values}.scale")
            size = self.node("Abs", [values], f"{values}.size")
            most = self.node("ReduceMax", [size, self.constant("last", np.array([-1]))], f"{values}.most", keepdims=1)
            some = self.node("Max", [most, self.constant("tiny", np.float32(1e-9))], f"{values}.some")
            self.node("Mul", [some, self.constant("step", np.float32(1 / 127))], f"{values}.scale")
            scaled = self.node("Div", [values, f"{values}.scale"], f"{values}.scaled")
            inputs = [scaled, self.constant("one.float", np.float32(1)), self.constant("middle", np.uint8(MIDDLE))]
            self.node("QuantizeLinear", inputs, f"{values}.whole")
        return f"{values}.whole", f"{values}.scale"

    def _exact(self, values: str, name: str) -> str:
        inputs = [values, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("Gemm", inputs, name, transB=1)

    def normal(self, values: str, name: str) -> str:
        inputs = [values, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, name, epsilon=EPSILON)

    def added(self, values: str, other: str, name: str) -> str:
        return self.normal(self.node("Add", [values, other], f"{name}.sum"), name)

    def layer(self, state: str, number: int) -> str:
        layer = f"distilbert.transformer.layer.{number}"
        asking, form = state, "form"
        if number == self._checkpoint.layers - 1:
            asking, form = self._fronts(state), "form.front"
        lines = [
            self.node("Reshape", [self.linear(values, f"{layer}.attention.{part}_lin"), shape], f"{layer}.{part}")
            for part, values, shape in (("q", asking, form), ("k", state, "form"), ("v", state, "form"))
        ]
        heads = self._checkpoint.heads
        inputs = [*lines, "", "mask32"]
        seen = self.node("MultiHeadAttention", inputs, f"{layer}.seen", MICROSOFT, num_heads=heads)
        seen = self.node("Reshape", [seen, "flat"], f"{layer}.attention")
        state = self.added(self.linear(seen, f"{layer}.attention.out_lin"), asking, f"{layer}.sa_layer_norm")
        kind = self._checkpoint.config["activation"].capitalize()
        inner = self.node(kind, [self.linear(state, f"{layer}.ffn.lin1")], f"{layer}.ffn.inner")
        return self.added(self.linear(inner, f"{layer}.ffn.lin2"), state, f"{layer}.output_layer_norm")

    def _fronts(self, state: str) -> str:
        """The first token of every text."""
        texts = self.node("Reshape", [state, "form"], "texts")
        front = self.constant("place.front", np.array(0))
        return self.node("Gather", [texts, front], "fronts", axis=1)

    def whole(self) -> onnx.ModelProto:
        from onnx import TensorProto, helper

        width = int(self._checkpoint.config["dim"])
        self.constant("flat", np.array([-1, width]))
        self.constant("form.front", np.array([-1, 1, width]))
        self.node("Shape", ["tokens"], "shape")
        self.node("Concat", ["shape", self.constant("width", np.array([width]))], "form", axis=0)
        self.node("Cast", ["mask"], "mask32", to=TensorProto.INT32)
        embeddings = "distilbert.embeddings"
        words = self.node("Gather", [self.weight(f"{embeddings}.word_embeddings.weight"), "tokens"], "words")
        zero, one = self.constant("zero", np.array([0])), self.constant("one", np.array([1]))
        wide = self.node("Shape", ["tokens"], "wide", start=1, end=2)
        table = self.weight(f"{embeddings}.position_embeddings.weight")
        places = self.node("Slice", [table, zero, wide, zero, one], "places")
        state = self.node("Reshape", [self.node("Add", [words, places], "embedded"), "flat"], "tokens.flat")
        state = self.normal(state, f"{embeddings}.LayerNorm")
        for number in range(self._checkpoint.layers):
            state = self.layer(state, number)
        state = self.node("Relu", [self._exact(state, "pre_classifier")], "front")
        self._exact(state, "classifier")
        graph = helper.make_graph(
            self._nodes,
            "distilbert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "wide"]) for name in ("tokens", "mask")],
            [helper.make_tensor_value_info("classifier", TensorProto.FLOAT, ["texts", 2])],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)], ir_version=9
        )
        helper.set_model_props(model, {ONNX_PRECISION: self._precision})
        return model


def columns(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A layer's weights as whole numbers, turned to be multiplied with, and the step of each column.

    Up to 63 only: twice that times 255 still fits the 16 bits in which older processors add up pairs.

    >>> whole, steps = columns(np.array([[0.5, -1.0], [0.0, 0.0]], dtype=np.float32))
    >>> whole.tolist(), (steps * 63).round(3).tolist()
    ([[31, 0], [-63, 0]], [1.0, 0.0])
    """
    steps = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 63
    return np.rint(weight / steps[:, None]).astype(np.int8).T, steps.astype(np.float32)


def precisions(checkpoint: DistilBert) -> Sequence[Precision]:
    """What is worth trying, the fastest first."""
    return ("int8", "float32") if int(checkpoint.config["dim"]) >= INT8_FROM else ("float32",)


def write(checkpoint: DistilBert, file: Path, precision: Precision) -> None:
    file.write_bytes(Graph(checkpoint, precision).whole().SerializeToString())
