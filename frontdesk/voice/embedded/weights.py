"""Finds and opens the ONNX files of the embedded models."""

import importlib.util
from pathlib import Path
from typing import Any

_PACKAGE = "pipecat"
"""The wheel of pipecat-ai carries both files. It is installed for them alone, without its
dependencies, and never imported."""

ADD = "pip install --no-deps pipecat-ai==1.14.0"
"""What puts the files there."""


def find(name: str) -> Path | None:
    """A file under the package's ``audio`` folder; None when it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "audio" / name
        if path.is_file():
            return path
    return None


def open_session(path: Path) -> Any | None:
    """An ONNX session on one thread: these models are small, and more threads only make calls
    wait for each other (measured: 50 ms on one, 82 to 104 ms on two). None without onnxruntime."""
    try:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        return None
    ort: Any = onnxruntime
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
