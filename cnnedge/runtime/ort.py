"""ONNX files on ONNX Runtime: its CPU provider, or one of a GPU. The package is an extra, imported on opening.

ONNX Runtime falls back to the CPU without a word: wholly where a provider does not start, and node by node where it
has no kernel. On a GPU both are forbidden here, so that nothing computed on the CPU can pass for a GPU's.
"""

from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, MissingPackageError, ModelError
from cnnedge.formats.model_file import ModelFile
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.machine.gpus import GPU_PROVIDERS
from cnnedge.machine.vulkan import software_adapter
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}
# ONNX Runtime's severities are 0 verbose, 1 info, 2 warning, 3 error, 4 fatal.
_LOG_ERRORS = 3
_ON_CPU = "nodes that are assigned to the default CPU EP"


class OnnxRuntimeRunner(Runner):
    """One ONNX file on ONNX Runtime, any number of images at a time if its batch is free.

    A uint8 input takes the pixels unchanged: ONNX states no scale for an input. The output must be float32.
    On a GPU, ``run`` copies the images there, waits for the result and copies it back.
    """

    def __init__(
        self, file: ModelFile, *, num_threads: int = 1, device: str = "cpu", normalization: Normalization = RAW
    ) -> None:
        """Open a file that may run; see ``open_runner``."""
        name = file.name
        self._session, runtime = open_session(file, num_threads, device)
        software = software_adapter() if "WebGpu" in runtime else None
        if software:
            runtime, device = f"{runtime} on {software}, a software adapter", "cpu"
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
        input, output = _spec(name, inputs[0]), _spec(name, outputs[0])
        self._input_name, self._output_names = input.name, [output.name]
        ends = Ends(input, output, free_batch=input.shape[:1] == (None,))
        super().__init__(name, "onnx", ends, Place(runtime, device, num_threads), normalization)

    def run(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self._session.run(self._output_names, {self._input_name: batch})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise ModelError(f"{self.name}: ONNX Runtime failed: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        self._session = None


def open_session(file: ModelFile, num_threads: int, device: str, *, profile: str | None = None) -> tuple[Any, str]:
    """A session with the file, and the runtime's name; ``profile``: how the name of its trace begins, if it keeps one.

    Raises:
        MissingPackageError, ModelError, CnnedgeError: see ``open_runner``.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackageError("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = num_threads
    options.log_severity_level = _LOG_ERRORS
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    # Waiting threads that spin burn a Pi's cores between images and disturb whatever is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider, runtime = "CPUExecutionProvider", f"ONNX Runtime {onnxruntime.__version__}"
    if device == "gpu":
        provider = _gpu_provider(onnxruntime.get_available_providers())
        runtime += f" ({provider.removesuffix('ExecutionProvider')})"
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = onnxruntime.InferenceSession(file.content, options, providers=[provider], enable_fallback=False)
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
        reason = " ".join(str(error).split())
        if _ON_CPU in reason:
            reason = f"{provider} has no kernel for some of its operators, which would run on the CPU"
        raise ModelError(f"{file.name}: ONNX Runtime cannot use this file: {reason}") from error
    if session.get_providers()[0] != provider:
        raise ModelError(f"{file.name}: ONNX Runtime took {session.get_providers()[0]} instead of {provider}")
    return session, runtime


def _gpu_provider(available: list[str]) -> str:
    """The first provider for a GPU that this build of ONNX Runtime has.

    Raises:
        CnnedgeError: it has none.
    """
    for provider in GPU_PROVIDERS:
        if provider in available:
            return provider
    raise CnnedgeError(
        "this onnxruntime has neither the CUDA nor the WebGPU provider: pip uninstall onnxruntime, then "
        f"pip install {' (NVIDIA) or '.join(GPU_PROVIDERS.values())}"
    )


def _spec(name: str, argument: Any) -> TensorSpec:
    if argument.type not in _DTYPES:
        raise ModelError(f"{name}: {argument.name!r} is {argument.type}, expected {' or '.join(_DTYPES.values())}")
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape or ())
    return TensorSpec(name=argument.name, shape=shape, dtype=_DTYPES[argument.type])
