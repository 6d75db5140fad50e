"""Opening a model file with its inner tensors kept."""

from pathlib import Path

from cnnedge.convert.layer_errors.trace import Trace
from cnnedge.formats import model_file


def open_trace(source: Path | str) -> Trace:
    """Open a file that ``open_runner`` has accepted.

    Raises:
        ModelError: its inner tensors cannot be had.
    """
    file = model_file.load(source)
    if file.format == "tflite":
        from cnnedge.convert.layer_errors.tflite_trace import TFLiteTrace

        return TFLiteTrace(file.content)
    from cnnedge.convert.layer_errors.onnx_trace import OnnxTrace

    return OnnxTrace(file.content)
