"""LiteRT's own profiler, which its Python package does not reach: through the C interface of the same library.

``enable_profiling`` makes XNNPACK time each of its operators too. Names, numbers and the layout of an event are those
of LiteRT 2.3's public headers (litert/c/litert_profiler.h, litert_profiler_event.h, litert_common.h).
"""

import ctypes
import time
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError, ModelError
from cnnedge.formats.model_file import ModelFile
from cnnedge.nativelog import silenced
from cnnedge.runtime.profiling import OperatorEvent, OperatorProfiler

_ON_CPU = 1  # kLiteRtHwAcceleratorCpu
_READ, _WRITE = 0, 1  # LiteRtTensorBufferLockMode
# LiteRtProfilerEventType: an operator of the file, and one of its delegate.
_OPERATOR, _DELEGATE_OPERATOR = 2, 8
# LiteRtRankedTensorType is 72 bytes; it is only handed on.
_TENSOR_TYPE_BYTES = 256


class _Event(ctypes.Structure):
    """ProfiledEventData."""

    _fields_ = (
        ("tag", c_char_p), ("type", c_int), ("start_us", c_uint64), ("elapsed_us", c_uint64),
        ("memory", c_size_t * 6), ("number", c_uint64), ("subgraph", c_uint64), ("source", c_int),
    )  # fmt: skip


class LiteRTProfiler(OperatorProfiler):
    """One TFLite file on XNNPACK, compiled with the profiler on."""

    def __init__(self, file: ModelFile, *, num_threads: int) -> None:
        """Open a file that may run; see ``open_profiler``."""
        super().__init__()
        self._library, self._name = _library(), file.name
        with silenced():
            self._compile(file, num_threads)
        input, output = file.facts.inputs[0], file.facts.outputs[0]
        self._input, self._output = (c_void_p * 1)(self._buffer("Input")), (c_void_p * 1)(self._buffer("Output"))
        self._input_bytes = np.dtype(input.dtype).itemsize * int(np.prod([size or 1 for size in input.shape or ()]))
        self._answer = np.empty([size or 1 for size in output.shape or ()], output.dtype)
        self._calls: list[list[OperatorEvent]] = []

    def run(self, batch: np.ndarray) -> np.ndarray:
        one, first, image = c_size_t(1), c_size_t(0), np.ascontiguousarray(batch)
        self._call("StartProfiler", self._profiler)
        start = time.perf_counter_ns()
        self._copy(self._input[0], image.ctypes.data, self._input_bytes, write=True)
        self._call("RunCompiledModel", self._model, first, one, self._input, one, self._output)
        self._copy(self._output[0], self._answer.ctypes.data, self._answer.nbytes, write=False)
        self.call_ns.append(time.perf_counter_ns() - start)
        self._call("StopProfiler", self._profiler)
        self._calls.append(self._events())
        return self._answer.copy()

    def calls(self) -> list[list[OperatorEvent]]:
        return self._calls

    def _call(self, function: str, *arguments: Any) -> None:
        status = getattr(self._library, f"LiteRt{function}")(*arguments)
        if status:
            raise ModelError(f"{self._name}: LiteRT's profiler: {function} failed with status {status}")

    def _compile(self, file: ModelFile, num_threads: int) -> None:
        """The compiled model, its signature and its profiler; they live as long as the process."""
        self._environment, model, options = c_void_p(), c_void_p(), c_void_p()
        self._model, self._signature, self._profiler = c_void_p(), c_void_p(), c_void_p()
        self._content = ctypes.create_string_buffer(file.content, len(file.content))
        self._call("CreateEnvironment", 0, None, byref(self._environment))
        size = c_size_t(len(file.content))
        self._call("CreateModelFromBuffer", self._environment, self._content, size, byref(model))
        self._call("CreateOptions", byref(options))
        self._call("SetOptionsHardwareAccelerators", options, _ON_CPU)
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add(options, b"xnnpack", b"num_threads = %d\n" % num_threads)
        self._call("CreateCompiledModel", self._environment, model, options, byref(self._model))
        self._call("CompiledModelGetProfiler", self._model, byref(self._profiler))
        if not self._profiler:
            raise CnnedgeError("this ai-edge-litert makes no profiler where it is asked for one")
        self._call("GetModelSignature", model, c_size_t(0), byref(self._signature))

    def _add(self, options: c_void_p, kind: bytes, text: bytes) -> None:
        """Add options as TOML; LiteRT frees the text."""
        libc, added = ctypes.CDLL(None), c_void_p()
        libc.strdup.restype = c_void_p
        release = ctypes.cast(libc.free, c_void_p)
        self._call("CreateOpaqueOptions", kind, c_void_p(libc.strdup(text)), release, byref(added))
        self._call("AddOpaqueOptions", options, added)

    def _buffer(self, end: str) -> c_void_p:
        first, tensor, needs, buffer = c_size_t(0), c_void_p(), c_void_p(), c_void_p()
        kind = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
        self._call(f"GetSignature{end}TensorByIndex", self._signature, first, byref(tensor))
        self._call("GetRankedTensorType", tensor, kind)
        self._call(f"GetCompiledModel{end}BufferRequirements", self._model, first, first, byref(needs))
        self._call("CreateManagedTensorBufferFromRequirements", self._environment, kind, needs, byref(buffer))
        return buffer

    def _copy(self, buffer: Any, address: int, size: int, *, write: bool) -> None:
        place, handle = c_void_p(), c_void_p(buffer)
        self._call("LockTensorBuffer", handle, byref(place), _WRITE if write else _READ)
        target, source = (place, address) if write else (address, place)
        ctypes.memmove(target, source, size)
        self._call("UnlockTensorBuffer", handle)

    def _events(self) -> list[OperatorEvent]:
        count = c_int()
        self._call("GetNumProfilerEvents", self._profiler, byref(count))
        events = (_Event * max(1, count.value))()
        self._call("GetProfilerEvents", self._profiler, count, events)
        shown = [event for event in events if event.type in (_OPERATOR, _DELEGATE_OPERATOR)]
        return [_operator(event) for event in shown]


def _operator(event: _Event) -> OperatorEvent:
    own = event.type == _OPERATOR
    name = event.tag.decode(errors="replace")
    return OperatorEvent(name, "LiteRT" if own else "XNNPACK", event.elapsed_us, event.number if own else None)


def _library() -> ctypes.CDLL:
    try:
        import ai_edge_litert
    except ImportError:
        raise CnnedgeError("ai-edge-litert is not installed: pip install ai-edge-litert") from None
    try:
        library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).parent / "libLiteRt.so"))
        _ = library.LiteRtCompiledModelGetProfiler, library.LiteRtGetProfilerEvents
    except (OSError, AttributeError):
        version = ai_edge_litert.__version__
        raise CnnedgeError(f"ai-edge-litert {version} has no profiler to call: pip install -U ai-edge-litert") from None
    return library
