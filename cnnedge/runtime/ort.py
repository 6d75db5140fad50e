"""ONNX files on ONNX Runtime's CPU provider. The package is an extra and is imported on opening."""

from typing import Any

import numpy as np

from cnnedge.errors import MissingPackageError, ModelError
from cnnedge.runtime.runner import Runner, TensorSpec

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}
# ONNX Runtime's severities are 0 verbose, 1 info, 2 warning, 3 error, 4 fatal.
_LOG_ERRORS = 3


class OnnxRuntimeRunner(Runner):
    """One ONNX file on ONNX Runtime's CPU provider, any number of images at a time if its batch is free.

    A uint8 input takes the pixels unchanged: ONNX states no scale for an input. The output must be float32.
    """

    def __init__(self, name: str, content: bytes, *, num_threads: int = 1) -> None:
        """Open checked ``content``; see ``open_runner``."""
        self._session, runtime = _open(name, content, num_threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
        input, output = _spec(name, inputs[0]), _spec(name, outputs[0])
        self._input_name, self._output_names = input.name, [output.name]
        super().__init__(
            name=name, format="onnx", runtime=runtime, device="cpu", num_threads=num_threads,
            input=input, output=output, free_batch=input.shape[:1] == (None,),
        )  # fmt: skip

    def run(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._session.run(self._output_names, {self._input_name: batch})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise ModelError(f"{self.name}: ONNX Runtime failed: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        self._session = None


def _open(name: str, content: bytes, num_threads: int) -> tuple[Any, str]:
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackageError("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = num_threads
    options.log_severity_level = _LOG_ERRORS
    # Waiting threads that spin burn a Pi's cores between images and disturb whatever is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        reason = " ".join(str(error).split())
        raise ModelError(f"{name}: ONNX Runtime cannot use this file: {reason}") from error
    return session, f"ONNX Runtime {onnxruntime.__version__}"


def _spec(name: str, argument: Any) -> TensorSpec:
    if argument.type not in _DTYPES:
        raise ModelError(f"{name}: {argument.name!r} is {argument.type}, expected {' or '.join(_DTYPES.values())}")
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape or ())
    return TensorSpec(name=argument.name, shape=shape, dtype=_DTYPES[argument.type])
