"""TFLite files on LiteRT, the runtime of Android and of the Raspberry Pi; imported when a file is opened."""

from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, ModelError
from cnnedge.formats.model_file import ModelFile
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.nativelog import silenced
from cnnedge.runtime.delegation import delegated_nodes
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec


class LiteRTRunner(Runner):
    """One TFLite file on LiteRT's CPU kernels (XNNPACK where it has one), one image at a time."""

    def __init__(self, file: ModelFile, *, num_threads: int = 1, normalization: Normalization = RAW) -> None:
        """Open a file that may run; see ``open_runner``."""
        self._interpreter, runtime = _open(file, num_threads)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"{file.name}: {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
        self._input_index, self._output_index = inputs[0]["index"], outputs[0]["index"]
        ends, place = Ends(_spec(inputs[0]), _spec(outputs[0])), Place(runtime, num_threads=num_threads)
        super().__init__(file.name, "tflite", ends, place, normalization)

    def run(self, batch: np.ndarray) -> np.ndarray:
        # Not through a SignatureRunner: it reallocates every tensor on every call.
        try:
            self._interpreter.set_tensor(self._input_index, batch)
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output_index)
        except RuntimeError as error:
            raise ModelError(f"{self.name}: LiteRT failed: {' '.join(str(error).split())}") from error

    @property
    def nodes(self) -> tuple[int, int] | None:
        return delegated_nodes(self._interpreter)

    def close(self) -> None:
        self._interpreter = None


def _open(file: ModelFile, num_threads: int) -> tuple[Any, str]:
    try:
        import ai_edge_litert
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise CnnedgeError(
            "ai-edge-litert is not installed, and .tflite files need it: pip install ai-edge-litert "
            "(64-bit systems only; `cnnedge doctor` says more)"
        ) from None
    try:
        with silenced():
            interpreter = Interpreter(model_content=file.content, num_threads=num_threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{file.name}: LiteRT cannot use this file: {reason}") from error
    return interpreter, f"LiteRT {ai_edge_litert.__version__}"


def _spec(details: dict[str, Any]) -> TensorSpec:
    scale, zero_point = details["quantization"]
    signature = tuple(int(size) for size in details["shape_signature"])
    return TensorSpec(
        name=details["name"],
        shape=tuple(None if size < 0 else size for size in signature),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
