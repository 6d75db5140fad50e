"""What ``cnnedge doctor`` advises: one line to type, or to do, for each thing missing."""

from typing import Any

PYTHONS = ((3, 11), (3, 13))
# A 28x28 or 32x32 classifier needs some 60 MB to predict; training needs some 3 GB.
LITTLE_MEMORY_MB = 150
# Bits of the Raspberry Pi's get_throttled; the same 16 bits higher: at any time since it was switched on.
_THROTTLING = ("too little voltage", "a capped clock", "throttling", "the temperature limit near")
_SINCE_START = 16
# What the install extras are for; onnxruntime is among the runtimes already.
_PURPOSES = {
    "report": "plots and the HTML report",
    "demo": "the page that tries files on a phone",
    "build": "training and export",
}
_PERFORMANCE = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def throttling_words(bits: int | None) -> dict[str, list[str]] | None:
    """What ``machine.throttle_bits`` says: ``now``, and at any time ``since_start``; None if it says nothing."""
    if bits is None:
        return None
    return {
        "now": [word for bit, word in enumerate(_THROTTLING) if bits >> bit & 1],
        "since_start": [word for bit, word in enumerate(_THROTTLING, _SINCE_START) if bits >> bit & 1],
    }


def advice(report: dict[str, Any], python: tuple[int, int]) -> list[str]:
    """What to do for each thing that stands in the way of ``cnnedge predict``, the gravest first."""
    lines = []
    if report["bits"] != 64:
        lines.append(_for_32_bits(python))
    first, last = PYTHONS
    if not first <= python <= last:
        lines.append(f"Python {python[0]}.{python[1]} is not tried with cnnedge: use 3.{first[1]} to 3.{last[1]}")
    lines += [line for runtime in report["runtimes"] if (line := _for_runtime(runtime))]
    if report["machine"]["memory_mb"] < LITTLE_MEMORY_MB:
        lines.append(f"{report['machine']['memory_mb']} MB of memory is little: predict needs about 60 MB")
    if report["machine"]["governor"] == "powersave":
        lines.append(f"the CPU saves power, so it will be slow: {_PERFORMANCE}")
    lines += _for_throttling((report["throttling"] or {"now": []})["now"])
    return lines


def optional(report: dict[str, Any]) -> list[str]:
    """What to do for what nobody needs to predict a file: a camera, a GPU, steady timings, training."""
    lines = [line for line in (_for_camera(report["camera"]), *_for_gpu(report["gpu"])) if line]
    if report["machine"]["governor"] not in (None, "performance", "powersave"):
        lines.append(f"for steady timings: {_PERFORMANCE}")
    lines += [
        f"for {purpose}: pip install 'cnnedge[{extra}]'"
        for extra, purpose in _PURPOSES.items()
        if report["extras"][extra]
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


def _for_runtime(runtime: dict[str, Any]) -> str | None:
    from cnnedge.machine.probe import PACKAGES

    if runtime["works"]:
        return None
    package = PACKAGES[runtime["runtime"]]
    if runtime["version"] is None:
        if runtime["no_wheel"]:
            return f"{runtime['runtime']} cannot be installed here: {runtime['no_wheel']}"
        wanted = "'cnnedge[onnx]'" if package == "onnxruntime" else package
        return f"{runtime['runtime']} is not installed: pip install {wanted}"
    return f"{runtime['runtime']} {runtime['problem']}: pip install --force-reinstall {package}"


def _for_throttling(now: list[str]) -> list[str]:
    if not now:
        return []
    todo = "use the power supply made for it" if _THROTTLING[0] in now else "cool it"
    return [f"the board slows itself down now ({', '.join(now)}): {todo}"]


def _for_camera(camera: dict[str, Any]) -> str | None:
    from cnnedge.images.camera import TO_TYPE

    if camera["problem"]:
        return f"for a camera: {camera['problem']}"
    if camera["library"] is None:
        return f"for a camera: {TO_TYPE}"
    if camera["names"]:
        return None
    look = "rpicam-hello --list-cameras" if camera["library"] == "picamera2" else "ls /dev/video*"
    return f"for a camera: none is connected; look with: {look}"


def _for_gpu(gpu: dict[str, Any]) -> list[str]:
    lines = []
    if gpu["problem"]:
        lines.append(f"for .tflite files on a GPU: looking for one {gpu['problem']}: reinstall its Vulkan driver")
    elif not gpu["vulkan"]:
        driver = "sudo apt install libvulkan1 mesa-vulkan-drivers"
        lines.append(f"for .tflite files on a GPU: {driver}, or its maker's Vulkan driver")
    if gpu["onnxruntime"] == []:
        packages = "pip install onnxruntime-gpu (NVIDIA) or onnxruntime-webgpu"
        lines.append(f"for .onnx files on a GPU: pip uninstall onnxruntime, then {packages}")
    return lines
