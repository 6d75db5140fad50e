import pytest

from cnnedge.machine.advice import advice, optional, throttling_words

GOOD = {
    "bits": 64,
    "throttling": {"now": [], "since_start": []},
    "machine": {"memory_mb": 4000, "governor": "performance"},
    "runtimes": [{"runtime": "LiteRT", "version": "2.3.0", "works": True, "problem": None, "no_wheel": None}],
    "camera": {"library": "picamera2", "names": ["imx708"], "problem": None},
    "gpu": {"vulkan": ["V3D 7.1"], "problem": None, "onnxruntime": ["CUDAExecutionProvider"]},
    "extras": {"onnx": [], "report": [], "demo": [], "build": []},
}


def broken(runtime: str, version: str | None, problem: str, no_wheel: str | None = None) -> dict:
    found = {"runtime": runtime, "version": version, "works": False, "problem": problem, "no_wheel": no_wheel}
    return {"runtimes": [found]}


def governor(name: str | None) -> dict:
    return {"machine": {"memory_mb": 4000, "governor": name}}


def test_nothing_to_do_on_a_good_machine():
    assert advice(GOOD, (3, 11)) == [] and optional(GOOD) == []


def test_nothing_to_do_where_nothing_can_be_read():
    assert advice(GOOD | governor(None) | {"throttling": None}, (3, 13)) == []


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
        ({"machine": {"memory_mb": 100, "governor": None}}, (3, 11), "100 MB of memory is little"),
        (governor("powersave"), (3, 11), "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/"),
        ({"throttling": throttling_words(0x4)}, (3, 11), "slows itself down now (throttling): cool it"),
        ({"throttling": throttling_words(0x1)}, (3, 11), "(too little voltage): use the power supply made for it"),
    ],
)
def test_one_line_for_each_thing_missing(change, python, words):
    (line,) = advice(GOOD | change, python)
    assert words in line


def test_a_newer_python_on_32_bits_has_no_old_runtime():
    assert not any("tflite-runtime" in line for line in advice(GOOD | {"bits": 32}, (3, 13)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"camera": {"library": None, "names": [], "problem": None}}, "sudo apt install python3-picamera2"),
        ({"camera": {"library": "cv2", "names": [], "problem": None}}, "none is connected; look with: ls /dev/video*"),
        ({"camera": {"library": "picamera2", "names": [], "problem": None}}, "look with: rpicam-hello --list-cameras"),
        ({"camera": {"library": "picamera2", "names": [], "problem": "died from SIGSEGV"}}, "died from SIGSEGV"),
        ({"gpu": {"vulkan": [], "problem": None, "onnxruntime": None}}, "apt install libvulkan1 mesa-vulkan-drivers"),
        ({"gpu": {"vulkan": [], "problem": "died from SIGSEGV", "onnxruntime": None}}, "reinstall its Vulkan driver"),
        ({"gpu": {"vulkan": ["V3D"], "problem": None, "onnxruntime": []}}, "pip install onnxruntime-gpu (NVIDIA)"),
        (governor("ondemand"), "for steady timings: echo performance"),
        (
            {"extras": {"report": ["jinja2"], "demo": [], "build": []}},
            "for plots and the HTML report: pip install 'cnnedge[report]'",
        ),
    ],
)
def test_what_nobody_needs_is_kept_apart(change, words):
    (line,) = optional(GOOD | change)
    assert words in line
    assert advice(GOOD | change, (3, 11)) == []


def test_words_of_the_throttling_bits():
    assert throttling_words(None) is None
    assert throttling_words(0x20002) == {"now": ["a capped clock"], "since_start": ["a capped clock"]}
    assert throttling_words(0x80000) == {"now": [], "since_start": ["the temperature limit near"]}
