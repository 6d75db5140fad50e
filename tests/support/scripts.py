"""The worked examples as a learner runs them: a process of their own, in an empty folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.data.published.cache import data_folder

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="session")
def run_script() -> Callable[..., subprocess.CompletedProcess]:
    def run(script: str, *arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
        environment = {**os.environ, "CNNEDGE_DATA": str(data_folder())}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)

    return run


def is_drawn(picture: Path) -> bool:
    """Whether a picture has more than one colour, in its left and in its right half."""
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.convert("L"))
    middle = pixels.shape[1] // 2
    return bool(pixels[:, :middle].std() > 10 and pixels[:, middle:].std() > 10)
