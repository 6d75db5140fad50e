"""The runners for a GPU. No GPU is needed: the same code runs on LiteRT's CPU accelerator, refusals are real ones, and
where Chromium brings SwiftShader (a Vulkan driver that draws on the CPU), the whole path runs on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnedge.errors import CnnedgeError, ModelError
from cnnedge.formats.model_file import open_model_file
from cnnedge.machine import vulkan
from cnnedge.runtime import ort
from cnnedge.runtime.litert_gpu import LiteRTGpuRunner
from cnnedge.runtime.opening import open_runner
from tests.support import models

SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
NO_DRIVER = {"VK_ICD_FILENAMES": "/dev/null", "VK_DRIVER_FILES": "/dev/null"}


@pytest.mark.parametrize("precision", ["float32", "dynamic", "int8"])
def test_the_compiled_model_gives_what_the_interpreter_gives(precision):
    """Through the very calls of the GPU runner, on LiteRT's CPU accelerator, which has the interpreter's kernels."""
    images, _ = models.digits("test")
    content = models.digits_tflite(precision)
    with (
        open_runner(content, format="tflite") as plain,
        LiteRTGpuRunner(open_model_file(content, "tflite"), accelerator="CPU") as compiled,
    ):
        assert (compiled.prepare(images[:50]) == plain.prepare(images[:50])).all()
        assert (compiled.predict(images[:50]) == plain.predict(images[:50])).all()
        assert (compiled.device, compiled.input, compiled.output) == ("cpu", plain.input, plain.output)
        assert "(CPU accelerator)" in compiled.runtime


def test_onnx_runtime_may_not_fall_back_to_the_cpu(monkeypatch):
    """Asked for CUDA, a build without it takes the CPU and says nothing; here it is refused, whatever is claimed."""
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    session = onnxruntime.InferenceSession(models.colours_onnx(), providers=["CUDAExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]  # the silence that must not pass for a GPU
    monkeypatch.setattr(ort, "_gpu_provider", lambda available: "CUDAExecutionProvider")
    with pytest.raises(ModelError, match="CUDAExecutionProvider has no kernel for some of its operators"):
        open_runner(models.colours_onnx(), format="onnx", device="gpu")


def test_without_a_provider_for_a_gpu_it_says_what_to_install():
    with pytest.raises(CnnedgeError, match=r"pip install onnxruntime-gpu \(NVIDIA\) or onnxruntime-webgpu"):
        ort._gpu_provider(["AzureExecutionProvider", "CPUExecutionProvider"])
    assert ort._gpu_provider(["CPUExecutionProvider", "WebGpuExecutionProvider"]) == "WebGpuExecutionProvider"


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device is 'tpu', expected cpu or gpu"):
        open_runner(models.colours_onnx(), format="onnx", device="tpu")


OPEN = """
import json, sys
from cnnedge.errors import CnnedgeError
from cnnedge.machine import vulkan
from cnnedge.runtime.opening import open_runner
import numpy as np
found = {"adapters": [(adapter.name, adapter.software) for adapter in vulkan.adapters()]}
try:
    with open_runner(sys.argv[1]) as cpu, open_runner(sys.argv[1], device="gpu") as gpu:
        images = np.random.default_rng(0).integers(0, 256, (3, *gpu.input_shape), np.uint8)
        apart = float(np.abs(cpu.predict(images) - gpu.predict(images)).max())
    found |= {"device": gpu.device, "runtime": gpu.runtime, "apart": apart}
except CnnedgeError as error:
    found["error"] = str(error)
print(json.dumps(found), flush=True)
"""


def opened_on_a_gpu(content: bytes, folder: Path, **environment: str) -> dict:
    """What became of opening ``content`` on a GPU, in a process with ``environment``."""
    file = folder / "digits.tflite"
    file.write_bytes(content)
    command = [sys.executable, "-c", OPEN, str(file)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_litert_without_a_driver_says_what_to_install(tmp_path):
    found = opened_on_a_gpu(models.digits_tflite(), tmp_path, **NO_DRIVER)
    assert found["adapters"] == [] and "apt install libvulkan1 mesa-vulkan-drivers" in found["error"]


@pytest.mark.skipif(not SWIFTSHADER.exists(), reason="Chromium's SwiftShader is not installed")
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_software_adapter_runs_and_is_never_called_a_gpu(tmp_path, precision):
    driver = {"LD_LIBRARY_PATH": str(SWIFTSHADER.parent), "VK_ICD_FILENAMES": str(SWIFTSHADER)}
    found = opened_on_a_gpu(models.digits_tflite(precision), tmp_path, **driver)
    ((name, software),) = found["adapters"]
    assert "SwiftShader" in name and software
    assert found["device"] == "cpu" and f"(GPU accelerator) on {name}, a software adapter" in found["runtime"]
    # Float sums in another order; or one step of a uint8 output.
    assert found["apart"] <= (1 / 256 if precision == "int8" else 1e-4)


@pytest.mark.skipif(not SWIFTSHADER.exists(), reason="Chromium's SwiftShader is not installed")
def test_what_the_gpu_cannot_run_is_not_left_to_the_cpu(tmp_path):
    driver = {"LD_LIBRARY_PATH": str(SWIFTSHADER.parent), "VK_ICD_FILENAMES": str(SWIFTSHADER)}
    found = opened_on_a_gpu(models.digits_tflite("int16x8", io="float32"), tmp_path, **driver)
    assert "the CPU would run the rest" in found["error"]


def test_a_hardware_adapter_beside_a_software_one_is_taken_for_the_gpu(monkeypatch):
    both = [vulkan.Adapter("llvmpipe", software=True), vulkan.Adapter("AMD Radeon", software=False)]
    monkeypatch.setattr(vulkan, "adapters", lambda: both)
    assert vulkan.software_adapter() is None
    monkeypatch.setattr(vulkan, "adapters", lambda: both[:1])
    assert vulkan.software_adapter() == "llvmpipe"
