from dataclasses import replace

import pytest

from cnnedge.documents.circumstances import Facts
from cnnedge.machine.advice import advice, optional
from cnnedge.machine.examination import Examination, Gpus, RuntimeState
from cnnedge.machine.hardware import Throttling, throttling
from cnnedge.machine.probe import Cameras

BOARD = Facts("Cortex-A76", 4, ["asimddp"], "aarch64", "Debian 12", "3.11.2", "performance", False, 4000, {})
GOOD = Examination(
    machine=BOARD,
    bits=64,
    memory_available_mb=3000,
    fast_int8=["asimddp"],
    temperature_c=40.0,
    throttled=False,
    throttling=Throttling([], []),
    runtimes=[RuntimeState("LiteRT", "2.3.0", True, None, "ai_edge_litert-2.3.0.whl", None)],
    gpu=Gpus(["V3D 7.1"], None, ["CUDAExecutionProvider"]),
    camera=Cameras("picamera2", ["imx708"], None),
    extras={"onnx": [], "report": [], "demo": [], "build": []},
)


def broken(runtime: str, version: str | None, problem: str, no_wheel: str | None = None) -> dict:
    return {"runtimes": [RuntimeState(runtime, version, False, problem, None, no_wheel)]}


def board(**change: object) -> dict:
    return {"machine": replace(BOARD, **change)}


def test_nothing_to_do_on_a_good_machine():
    assert advice(GOOD, (3, 11)) == [] and optional(GOOD) == []


def test_nothing_to_do_where_nothing_can_be_read():
    assert advice(replace(GOOD, throttling=None, **board(governor=None)), (3, 13)) == []


@pytest.mark.parametrize(
    ("change", "python", "words"),
    [
        ({"bits": 32}, (3, 11), "install the 64-bit Raspberry Pi OS"),
        ({"bits": 32}, (3, 11), "pip install tflite-runtime==2.14.0 'numpy<2'"),
        ({}, (3, 14), "Python 3.14 is not tried with cnnedge: use 3.11 to 3.13"),
        ({}, (3, 9), "Python 3.9 is not tried"),
        (broken("ONNX Runtime", None, "not installed"), (3, 11), "pip install 'cnnedge[onnx]'"),
        (broken("LiteRT", None, "not installed"), (3, 11), "pip install ai-edge-litert"),
        (
            broken("LiteRT", None, "not installed", "ai-edge-litert has no wheel for armv7l on Linux"),
            (3, 11),
            "LiteRT cannot be installed here: ai-edge-litert has no wheel for armv7l on Linux",
        ),
        (
            broken("LiteRT", "2.3.0", "illegal instruction: this wheel was made for a newer CPU"),
            (3, 11),
            "illegal instruction: this wheel was made for a newer CPU: pip install --force-reinstall ai-edge-litert",
        ),
        (board(memory_mb=100, governor=None), (3, 11), "100 MB of memory is little"),
        (board(governor="powersave"), (3, 11), "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/"),
        ({"throttling": throttling(0x4)}, (3, 11), "slows itself down now (throttling): cool it"),
        ({"throttling": throttling(0x1)}, (3, 11), "(too little voltage): use the power supply made for it"),
    ],
)
def test_one_line_for_each_thing_missing(change, python, words):
    (line,) = advice(replace(GOOD, **change), python)
    assert words in line


def test_a_newer_python_on_32_bits_has_no_old_runtime():
    assert not any("tflite-runtime" in line for line in advice(replace(GOOD, bits=32), (3, 13)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"camera": Cameras(None, [], None)}, "sudo apt install python3-picamera2"),
        ({"camera": Cameras("cv2", [], None)}, "none is connected; look with: ls /dev/video*"),
        ({"camera": Cameras("picamera2", [], None)}, "look with: rpicam-hello --list-cameras"),
        ({"camera": Cameras("picamera2", [], "died from SIGSEGV")}, "died from SIGSEGV"),
        ({"gpu": Gpus([], None, None)}, "apt install libvulkan1 mesa-vulkan-drivers"),
        ({"gpu": Gpus([], "died from SIGSEGV", None)}, "reinstall its Vulkan driver"),
        ({"gpu": Gpus(["V3D"], None, [])}, "pip install onnxruntime-gpu (NVIDIA)"),
        (board(governor="ondemand"), "for steady timings: echo performance"),
        (
            {"extras": {"report": ["jinja2"], "demo": [], "build": []}},
            "for plots and the HTML report: pip install 'cnnedge[report]'",
        ),
    ],
)
def test_what_nobody_needs_is_kept_apart(change, words):
    (line,) = optional(replace(GOOD, **change))
    assert words in line
    assert advice(replace(GOOD, **change), (3, 11)) == []


def test_words_of_the_throttling_bits():
    assert throttling(None) is None
    assert throttling(0x20002) == Throttling(now=["a capped clock"], since_start=["a capped clock"])
    assert throttling(0x80000) == Throttling(now=[], since_start=["the temperature limit near"])
