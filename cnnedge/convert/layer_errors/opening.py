"""Opening a file with its inner tensors kept, whichever format it has."""

from cnnedge.convert.layer_errors.trace import Trace
from cnnedge.formats.model_file import ModelFile
from cnnedge.formats.tflite.reader import TFLiteModel


def open_trace(file: ModelFile) -> Trace:
    """Open a file that ``open_runner`` has accepted.

    Raises:
        ModelError: its inner tensors cannot be had.
    """
    if isinstance(file.parsed, TFLiteModel):
        from cnnedge.convert.layer_errors.tflite_trace import TFLiteTrace

        return TFLiteTrace(file.parsed)
    from cnnedge.convert.layer_errors.onnx_trace import OnnxTrace

    return OnnxTrace(file.content)
