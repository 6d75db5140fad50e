"""Whether a runtime really works here: a small convolution, run in a process of its own.

A wheel made for a newer CPU ends the process with an illegal instruction, and some do so only when a kernel
runs; a child process survives nothing, but its parent does, and can say what happened.
"""

import base64
import json
import signal
import subprocess
import sys
import zlib
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from cnnedge.children import module_command

# One 3x3 convolution on an 8x8 image, int8 as converted by TensorFlow 2.21 and float32 as an ONNX file of
# opset 13, compressed: no file has to be found or downloaded to try a runtime.
_TFLITE = (
    b"eNq9U0FLAlEQntV1d6VFBaU8eNhDgYcQLQ/BHhSSULFLdApCBJfag6uYRUGQQqfoGN27+hOi"
    b"Q3XqR0T0Q6Jt5u24u0XQQWjg2zdvZt682W/mGQCwu9VaxwUyYEAOsrimQMe9BjLqgDYPLURW"
    b"AsgjcjJAFDzBLcfr4oyGegyBIZBG9GynPTx2RnbPap9YwyO774CC9hfEA+IasYpY5jNXruvS"
    b"mkKUCqVyoQi+DNA3ZX8dMbl7fAej2r6YUwGsiGpXuAYD/pYPUYcs4pOI7VZjx9jsO/iPI6tb"
    b"ELxkRGTCZ5XuSLCdOD1FnCPGfG+vYzszTmdnM4ILHRb4bI5pJ77ygvuU+Gqgij6QT+IchCgE"
    b"vYr8sEtsp7tfqa+IQ943P12XQuj+IttQ4mX8lNGncY8ox9j1hPTnp0mFfI2uhU0fnc3yS2JG"
    b"AkxD+S+DGuOk33D+OsfOK5RDjkhmbJA2Y28rptLaMJX7pqnm9031tm/KkYmpYgy1b61WEvVq"
    b"Ie6o9j33e70RppT0mvv/9Sp+vQG3AIviDS/xtHmiotWbC5rratD3eFVMjs53yvyOvdkL9xX8"
    b"M+MKvW271zmwfunrbLZSPJfJUN7QHEa/ACvUjcI="
)
_ONNX = (
    b"eNrj4LBawMylxsWamZuYnsrFWC7EWKnE4pyfV6YlyMVSkJhS7MAIgQsY2YVYC4ryk1K1NjBx"
    b"cHAwcjBzMAswOjGWey1gYmBg2M/AcGAfA0MDEDOAMAjYAflAfACIGexHspooeWgIC4lxiXAw"
    b"CglwMXEwQjEHCCdJczFWoklywLATCxeDAC8AistHvg=="
)
PACKAGES = {"LiteRT": "ai-edge-litert", "ONNX Runtime": "onnxruntime"}
# Loading takes well under a second on a workstation and some seconds on a slow SD card.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Probe:
    """What became of one runtime: ``problem`` is None if it works, and ``version`` if it is not installed.

    ``providers`` are the devices that this build of ONNX Runtime knows, in its own names.
    """

    runtime: str
    version: str | None
    problem: str | None
    providers: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        return self.version is not None and self.problem is None


def probe(runtime: str) -> Probe:
    """Try ``LiteRT`` or ``ONNX Runtime`` in a child process."""
    try:
        version = metadata.version(PACKAGES[runtime])
    except metadata.PackageNotFoundError:
        return Probe(runtime, None, "not installed")
    found, problem = _ask(runtime)
    return Probe(runtime, version, problem, tuple(found.get("providers", ())))


@dataclass(frozen=True)
class Cameras:
    """The cameras that are connected; ``library``: None if none is installed that could look."""

    library: str | None
    names: list[str]
    problem: str | None


@dataclass(frozen=True)
class VulkanDevices:
    """The GPUs that Vulkan knows; a driver that draws on the CPU is named as such."""

    names: list[str]
    problem: str | None


def cameras() -> Cameras:
    """Look for cameras in a child process."""
    found, problem = _ask("cameras")
    return Cameras(**{"library": None, "names": [], "problem": problem} | found)


def vulkan_devices() -> VulkanDevices:
    """Look for GPUs in a child process, since a driver that does not fit may end it."""
    found, problem = _ask("vulkan")
    return VulkanDevices(**{"names": [], "problem": problem} | found)


def _ask(question: str) -> tuple[dict[str, Any], str | None]:
    """What a child process answers, or nothing and what became of it."""
    try:
        child = subprocess.run(
            module_command(__name__, question), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {}, f"gave no answer within {TIMEOUT_S:.0f} s"
    problem = _problem(child.returncode, child.stderr)
    return ({}, problem) if problem else (json.loads(child.stdout.splitlines()[-1]), None)


def _problem(code: int, errors: str) -> str | None:
    if code == 0:
        return None
    if code == -signal.SIGILL:
        return "illegal instruction: this wheel was made for a newer CPU"
    if code < 0:
        return f"died from {signal.Signals(-code).name}"
    lines = errors.strip().splitlines()
    return lines[-1] if lines else f"ended with exit code {code}"


def _run_litert() -> dict[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=_unpacked(_TFLITE), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return {}


def _run_onnxruntime() -> dict[str, Any]:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(_unpacked(_ONNX), providers=["CPUExecutionProvider"])
    session.run(None, {"image": np.zeros((1, 1, 8, 8), np.float32)})
    return {"providers": onnxruntime.get_available_providers()}


def _look_for_cameras() -> dict[str, Any]:
    from cnnedge.errors import CameraError
    from cnnedge.images.camera import connected, installed_library

    library = installed_library()
    try:
        return {"library": library, "names": connected(library) if library else []}
    except CameraError as error:
        return {"library": library, "problem": str(error)}


def _look_for_vulkan() -> dict[str, Any]:
    from cnnedge.machine.vulkan import adapters

    return {"names": [adapter.name + " (the CPU)" * adapter.software for adapter in adapters()]}


def _unpacked(text: bytes) -> bytes:
    return zlib.decompress(base64.b64decode(text))


_QUESTIONS = {
    "LiteRT": _run_litert,
    "ONNX Runtime": _run_onnxruntime,
    "cameras": _look_for_cameras,
    "vulkan": _look_for_vulkan,
}

if __name__ == "__main__":
    print(json.dumps(_QUESTIONS[sys.argv[1]]()))
