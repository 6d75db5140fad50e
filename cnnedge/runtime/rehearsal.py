"""A file's first run: in a process of its own where the check knows no full rule for one of its operators.

What ends that process, keeps it busy too long or takes too much memory is refused, and the caller lives on.
"""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from cnnedge.children import limit_work, module_command
from cnnedge.errors import ModelError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.nativelog import silenced

# A runtime starts in under a second on a desktop and 3 s on a Raspberry Pi Zero 2, and no classifier takes longer
# than some seconds for one image.
PATIENCE_S = 20
# What a rehearsal may take in bytes beyond what the process has when it starts; ResNet-50 in float takes 0.3 GB.
MEMORY_BYTES = 10**9


def rehearse_apart(file: ModelFile) -> None:
    """Run the file once in a process of its own.

    Raises:
        ModelError: it ends that process, or takes too long or too much memory.
    """
    command = module_command("cnnedge.runtime.rehearsal", file.format, str(len(file.content)))
    try:
        child = subprocess.run(command, input=file.content, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"{file.name}: its first run, tried apart, takes over {PATIENCE_S} s: it is not run") from None
    if child.returncode != 0:
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if child.returncode == 1 and lines else f"ends the process (code {child.returncode})"
        raise ModelError(f"{file.name}: its first run, tried apart: {reason[:200]}")


def rehearse(file: ModelFile) -> None:
    """Run the file once on noise with its runtime, whatever its inputs and outputs are.

    Raises:
        ModelError: the runtime refuses it.
    """
    run = _run_tflite if file.format == "tflite" else _run_onnx
    try:
        with silenced():
            run(file.content)
    except Exception as error:  # the runtimes' exceptions share no base class of their own
        raise ModelError(f"{file.name}: {' '.join(str(error).split())[:200]}") from error


def _run_tflite(content: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _noise(details["shape"], details["dtype"]))
    interpreter.invoke()
    for details in interpreter.get_output_details():
        interpreter.get_tensor(details["index"])


def _run_onnx(content: bytes) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
    fed = {}
    for argument in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in argument.shape or ()]
        dtype = kinds.get(argument.type, argument.type.removeprefix("tensor(").removesuffix(")"))
        fed[argument.name] = _noise(shape, dtype)
    session.run(None, fed)


def _noise(shape: Any, dtype: Any) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8).astype(dtype)


def main() -> None:
    """The child: content on standard input; exit code 1 with the reason in the last line of standard error."""
    file = replace(open_model_file(sys.stdin.buffer.read(int(sys.argv[2])), sys.argv[1]), name="its runtime")
    if file.format == "tflite":
        import ai_edge_litert.interpreter  # noqa: F401 - before the limit
    else:
        import onnxruntime  # noqa: F401
    limit_work(MEMORY_BYTES, PATIENCE_S)
    try:
        rehearse(file)
    except ModelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
