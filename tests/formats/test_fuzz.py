"""Damaged files must never end the process that opens them.

Each file is damaged in a seeded, random way. A child process opens all of them in turn, and runs those that pass
the checks with the real native code; it may refuse any of them, and must live to say what became of each.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import models
from tests.support.damage import damaged

FILES = 400
# Reports one word for each file of the folder, after the child has tried it.
CHILD = """
import json, sys
from pathlib import Path
import numpy as np
from cnnedge.errors import ModelError
from cnnedge.runtime.opening import open_runner
from cnnedge.formats.inspection import inspect
from cnnedge.formats.model_file import open_model_file

def outcome(path):
    try:
        inspect(open_model_file(path))
    except ModelError:
        pass
    try:
        with open_runner(path) as runner:
            runner.predict(np.zeros((1, *runner.input_shape), np.uint8))
    except ModelError:
        return "refused"
    return "ran"

for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, outcome(path), flush=True)
"""


def outcomes(folder: Path) -> dict[str, str]:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    tried = dict(line.split() for line in child.stdout.splitlines())
    last = sorted(folder.iterdir())[min(len(tried), FILES - 1)].name
    assert child.returncode == 0, f"ended with {child.returncode} at {last}: {child.stderr[-500:]}"
    return tried


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_no_damage_ends_the_process(tmp_path, format):
    # Half of the TFLite file and nearly all of the ONNX file is structure, so damage hits what matters.
    content = models.digits_tflite() if format == "tflite" else models.quantized_onnx()
    for seed in range(FILES):
        (tmp_path / f"{seed:03}.{format}").write_bytes(damaged(content, seed))
    tried = outcomes(tmp_path)
    assert len(tried) == FILES
    # Both ways out must really be taken, or the test shows nothing.
    counts = {word: list(tried.values()).count(word) for word in ("ran", "refused")}
    assert min(counts.values()) > FILES / 20, json.dumps(counts)
