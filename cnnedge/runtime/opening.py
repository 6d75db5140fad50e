"""Opening a model file on the runtime for its format."""

from collections.abc import Sequence
from pathlib import Path

from cnnedge.errors import ModelError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.runtime.profiling import OperatorProfiler
from cnnedge.runtime.runner import DEVICES, Runner


def open_runner(
    source: ModelFile | Path | str | bytes, *, format: str | None = None, num_threads: int = 1, device: str = "cpu",
    mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
) -> Runner:  # fmt: skip
    """Open a ``.tflite`` or ``.onnx`` file on the runtime for its format.

    Args:
        source: the file as ``open_model_file`` gives it; or its path or content, which is then opened so.
        format: ``tflite`` or ``onnx``; needed for bytes, taken from the suffix for a path.
        num_threads: threads that the runtime may use for one call.
        device: ``cpu``, or ``gpu``: never the CPU instead of it; where a driver draws on the CPU (a software
            adapter), the runner's ``device`` and ``runtime`` say so.
        mean, std: what the file wants to be fed is ``(pixel - mean) / std``, see ``Normalization``; without either,
            what its contract says.

    Raises:
        ModelError: the file is absent, damaged, of another format, or no image classifier that takes pixels; or
            a part of it has no place on the GPU.
        MissingPackageError: the runtime for its format is not installed.
        CnnedgeError: the runtime finds no GPU.
        ValueError: ``num_threads`` is below 1, there is no such ``device``, or ``mean`` and ``std`` do not fit.
    """
    if num_threads < 1:
        raise ValueError(f"num_threads is {num_threads}, expected at least 1")
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}, expected {' or '.join(DEVICES)}")
    file = source if isinstance(source, ModelFile) else open_model_file(source, format)
    if file.needs_rehearsal:
        from cnnedge.runtime.rehearsal import rehearse_apart

        rehearse_apart(file)
    if mean is not None or std is not None:
        return _opened(file, num_threads, device, Normalization(tuple(mean or RAW.mean), tuple(std or RAW.std)))
    try:
        return _opened(file, num_threads, device, file.contract.normalization)
    except ValueError as error:
        raise ModelError(f"{file.name}: its TFLite metadata: {error}") from error


def _opened(file: ModelFile, num_threads: int, device: str, normalization: Normalization) -> Runner:
    if file.format == "onnx":
        from cnnedge.runtime.ort import OnnxRuntimeRunner

        return OnnxRuntimeRunner(file, num_threads=num_threads, device=device, normalization=normalization)
    if device == "gpu":
        from cnnedge.runtime.litert_gpu import LiteRTGpuRunner

        return LiteRTGpuRunner(file, num_threads=num_threads, normalization=normalization)
    from cnnedge.runtime.litert import LiteRTRunner

    return LiteRTRunner(file, num_threads=num_threads, normalization=normalization)


def open_profiler(file: ModelFile, *, num_threads: int = 1) -> OperatorProfiler:
    """Open ``file`` on the CPU with the profiler of the runtime for its format.

    A profiler is reached through interfaces that runtimes change: use it in a process that may be lost.

    Raises:
        CnnedgeError: this runtime's profiler cannot be used; the message says what is missing.
        ModelError: the runtime cannot use the file.
    """
    if file.format == "onnx":
        from cnnedge.runtime.ort_profile import OrtProfiler

        return OrtProfiler(file, num_threads=num_threads)
    from cnnedge.runtime.litert_profile import LiteRTProfiler

    return LiteRTProfiler(file, num_threads=num_threads)
