"""The one way an ONNX file becomes something that computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

ONNX_FILE = "model.onnx"
"""The export in a version, beside the native artefact."""


def session(file: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session that uses exactly ``threads`` threads and gives the processor back between calls."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
