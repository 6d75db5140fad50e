"""TFLite files on LiteRT's GPU accelerator (WebGPU; Vulkan on Linux); imported when a file is opened."""

from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, ModelError
from cnnedge.formats.facts import TensorFacts
from cnnedge.formats.model_file import ModelFile
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.machine.vulkan import adapters, software_adapter
from cnnedge.nativelog import silenced
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec


class LiteRTGpuRunner(Runner):
    """One TFLite file, compiled for an accelerator, one image at a time.

    ``run`` copies the image to the accelerator, waits for the result and copies it back.
    """

    def __init__(
        self, file: ModelFile, *, num_threads: int = 1, normalization: Normalization = RAW, accelerator: str = "GPU"
    ) -> None:
        """Open a file that may run; see ``open_runner``.

        ``accelerator`` is a name of LiteRT's ``HardwareAccelerator``: with ``CPU`` the same calls run on XNNPACK.
        """
        self._model, runtime = _compile(file, accelerator)
        self._inputs, self._outputs = self._model.create_input_buffers(0), self._model.create_output_buffers(0)
        software = software_adapter()
        if accelerator == "GPU" and software:
            runtime += f" on {software}, a software adapter"
        device = "gpu" if accelerator == "GPU" and not software else "cpu"
        super().__init__(file.name, "tflite", _ends(file), Place(runtime, device, num_threads), normalization)

    def run(self, batch: np.ndarray) -> np.ndarray:
        # Reading the output waits until it has been computed, so the clock of a benchmark cannot stop before.
        try:
            self._inputs[0].write(batch)
            self._model.run_by_index(0, self._inputs, self._outputs)
            return self._outputs[0].read(self.num_classes, np.dtype(self.output.dtype)).reshape(1, -1)
        except RuntimeError as error:
            raise ModelError(f"{self.name}: LiteRT failed: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        self._inputs = self._outputs = self._model = None


def _compile(file: ModelFile, accelerator: str) -> tuple[Any, str]:
    try:
        import ai_edge_litert
        from ai_edge_litert.compiled_model import CompiledModel
        from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    except ImportError:
        raise CnnedgeError(
            "this ai-edge-litert has no CompiledModel, which runs .tflite files on a GPU: pip install -U ai-edge-litert"
        ) from None
    try:
        with silenced():
            # Only the one accelerator: with the CPU beside it, LiteRT would run there whatever the GPU cannot.
            model = CompiledModel.from_buffer(file.content, hardware_accel=HardwareAccelerator[accelerator])
    except RuntimeError as error:
        raise _refusal(file.name, " ".join(str(error).split())) from error
    return model, f"LiteRT {ai_edge_litert.__version__} ({accelerator} accelerator)"


def _refusal(name: str, reason: str) -> CnnedgeError:
    if "not accelerated" in reason:
        return ModelError(f"{name}: LiteRT's GPU accelerator has not all of its operators; the CPU would run the rest")
    if not adapters():
        return CnnedgeError(
            "LiteRT's GPU accelerator finds no Vulkan device: install the GPU's Vulkan driver "
            "(apt install libvulkan1 mesa-vulkan-drivers, or that of its maker)"
        )
    return ModelError(f"{name}: LiteRT's GPU accelerator cannot use this file: {reason}")


def _ends(file: ModelFile) -> Ends:
    """The input and the output with their quantization, which a compiled model does not tell: from the file."""
    inputs, outputs = file.facts.inputs, file.facts.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(f"{file.name}: {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
    return Ends(_spec(inputs[0]), _spec(outputs[0]))


def _spec(end: TensorFacts) -> TensorSpec:
    return TensorSpec(end.name, end.shape or (), end.dtype, end.scale, end.zero_point)
