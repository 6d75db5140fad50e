"""What ``cnnedge doctor`` advises: one line to type, or to do, for each thing missing."""

from cnnedge.machine.examination import Examination, Gpus, RuntimeState
from cnnedge.machine.hardware import THROTTLING
from cnnedge.machine.probe import PACKAGES, Cameras

PYTHONS = ((3, 11), (3, 13))
# A 28x28 or 32x32 classifier needs some 60 MB to predict; training needs some 3 GB.
LITTLE_MEMORY_MB = 150
# What the install extras are for; onnxruntime is among the runtimes already.
_PURPOSES = {
    "report": "plots and the HTML report",
    "demo": "the page that tries files on a phone",
    "build": "training and export",
}
_PERFORMANCE = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def advice(found: Examination, python: tuple[int, int]) -> list[str]:
    """What to do for each thing that stands in the way of ``cnnedge predict``, the gravest first."""
    lines = []
    if found.bits != 64:
        lines.append(_for_32_bits(python))
    first, last = PYTHONS
    if not first <= python <= last:
        lines.append(f"Python {python[0]}.{python[1]} is not tried with cnnedge: use 3.{first[1]} to 3.{last[1]}")
    lines += [line for runtime in found.runtimes if (line := _for_runtime(runtime))]
    if found.machine.memory_mb < LITTLE_MEMORY_MB:
        lines.append(f"{found.machine.memory_mb} MB of memory is little: predict needs about 60 MB")
    if found.machine.governor == "powersave":
        lines.append(f"the CPU saves power, so it will be slow: {_PERFORMANCE}")
    lines += _for_throttling(found.throttling.now if found.throttling else [])
    return lines


def optional(found: Examination) -> list[str]:
    """What to do for what nobody needs to predict a file: a camera, a GPU, steady timings, training."""
    lines = [line for line in (_for_camera(found.camera), *_for_gpu(found.gpu)) if line]
    if found.machine.governor not in (None, "performance", "powersave"):
        lines.append(f"for steady timings: {_PERFORMANCE}")
    lines += [
        f"for {purpose}: pip install 'cnnedge[{extra}]'" for extra, purpose in _PURPOSES.items() if found.extras[extra]
    ]
    return lines


def _for_32_bits(python: tuple[int, int]) -> str:
    line = (
        "this Python is 32-bit, and neither ai-edge-litert nor onnxruntime has a 32-bit wheel: install the 64-bit "
        "Raspberry Pi OS (Bookworm or Trixie) and a fresh environment"
    )
    if python <= (3, 11):
        line += (
            "; to stay on 32 bits, run the .tflite files (all but _dynamic) from your own code with the last "
            "tflite-runtime: pip install tflite-runtime==2.14.0 'numpy<2'"
        )
    return line


def _for_runtime(state: RuntimeState) -> str | None:
    if state.works:
        return None
    package = PACKAGES[state.runtime]
    if state.version is None:
        if state.no_wheel:
            return f"{state.runtime} cannot be installed here: {state.no_wheel}"
        wanted = "'cnnedge[onnx]'" if package == "onnxruntime" else package
        return f"{state.runtime} is not installed: pip install {wanted}"
    return f"{state.runtime} {state.problem}: pip install --force-reinstall {package}"


def _for_throttling(now: list[str]) -> list[str]:
    if not now:
        return []
    todo = "use the power supply made for it" if THROTTLING[0] in now else "cool it"
    return [f"the board slows itself down now ({', '.join(now)}): {todo}"]


def _for_camera(camera: Cameras) -> str | None:
    from cnnedge.images.camera import TO_TYPE

    if camera.problem:
        return f"for a camera: {camera.problem}"
    if camera.library is None:
        return f"for a camera: {TO_TYPE}"
    if camera.names:
        return None
    look = "rpicam-hello --list-cameras" if camera.library == "picamera2" else "ls /dev/video*"
    return f"for a camera: none is connected; look with: {look}"


def _for_gpu(gpu: Gpus) -> list[str]:
    lines = []
    if gpu.problem:
        lines.append(f"for .tflite files on a GPU: looking for one {gpu.problem}: reinstall its Vulkan driver")
    elif not gpu.vulkan:
        driver = "sudo apt install libvulkan1 mesa-vulkan-drivers"
        lines.append(f"for .tflite files on a GPU: {driver}, or its maker's Vulkan driver")
    if gpu.onnxruntime == []:
        packages = "pip install onnxruntime-gpu (NVIDIA) or onnxruntime-webgpu"
        lines.append(f"for .onnx files on a GPU: pip uninstall onnxruntime, then {packages}")
    return lines
