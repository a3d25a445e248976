"""NVIDIA Triton with its Python backend and its dynamic batcher: the server that ``nvidia-pytriton`` brings, without
PyTriton's own proxy, which would add a process and a copy to each request.

Triton has a protocol of its own. Its clients encode the rows (categories as numbers, as MLServer's do) and send them as
one binary tensor, texts and pictures as bytes; they get a tensor and name the predictions themselves. So the server
reads and writes no rows in JSON, which is less work than the other servers have. The package has no ONNX Runtime
backend (NVIDIA's container has): ONNX Runtime is called from Python, as in the other servers.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from benchmarks.peers.served import CARD, setting

PACKAGES = Path(sysconfig.get_path("purelib"))
TRITON = PACKAGES / "pytriton" / "tritonserver"
LIBRARIES = PACKAGES / "nvidia_pytriton.libs"

CONFIGURATION = """
backend: "python"
max_batch_size: {batch}
input [{{ name: "rows", data_type: {kind}, dims: [-1] }}]
output [{{ name: "outputs", data_type: TYPE_FP32, dims: [-1] }}]
instance_group [{{ count: {workers}, kind: KIND_CPU }}]
dynamic_batching {{ max_queue_delay_microseconds: {wait} }}
"""


def write_model(repository: Path) -> None:
    folder = repository / CARD.name
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").write_text("from benchmarks.peers.triton_model import TritonPythonModel\n")
    kind = "TYPE_STRING" if CARD.media == "files" or CARD.batching.max_tokens else "TYPE_FP32"
    wait = round(setting("wait", 0) * 1e6)
    batch, workers = int(setting("batch", 1024)), int(setting("workers", 1))
    (folder / "config.pbtxt").write_text(CONFIGURATION.format(batch=batch, kind=kind, wait=wait, workers=workers))


def link_backend(folder: Path) -> None:
    """The backend beside its stub for this Python version, as PyTriton lays them out."""
    folder.mkdir(parents=True)
    stubs = TRITON / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
    for file in (*(TRITON / "backends" / "python").glob("*triton_python*"), *stubs.iterdir()):
        (folder / file.name).symlink_to(file)


def main() -> None:
    scratch = Path(os.environ["BENCH_SCRATCH"])
    write_model(scratch / "models")
    link_backend(scratch / "backends" / "python")
    program = str(TRITON / "bin" / "tritonserver")
    options = {
        "model-repository": scratch / "models",
        "backend-directory": scratch / "backends",
        "http-address": "127.0.0.1",
        "http-port": int(setting("port", 8000)),
        "http-thread-count": int(setting("http_threads", 8)),
        "allow-grpc": 0,
        "allow-metrics": 0,
        "log-info": 0,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    os.execve(program, [program, *words], {**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)})  # noqa: S606


if __name__ == "__main__":
    main()
