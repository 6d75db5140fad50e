"""What exporting the tutorials' networks at their full size costs: seconds and peak memory, one after the other.

    python scripts/shapes.py [NAME ..] [--qat]

Each is saved as its users save it, with settled random weights, and exported in all formats and precisions by the
command, in a process of its own. Prints a line for each. Ends with exit code 1 if one could not be exported.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES, PICTURES = 2, 30
# In a process of its own, since a process begins with the peak of the one that started it.
MAKE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.support.tutorials import LARGE, TUTORIALS, settled
name, folder = sys.argv[2:]
tutorial = (TUTORIALS | LARGE)[name]
model = settled(tutorial.make(tutorial.side), tutorial.side, tutorial.scale)
path = tutorial.save(model, Path(folder) / "model")
facts = [str(path), model.outputs[0].shape[1], tutorial.side, list(model.inputs[0].shape[3:]) == [3], tutorial.scale]
(Path(folder) / "facts.json").write_text(json.dumps(facts))
"""
NAMES = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.support.tutorials import LARGE, TUTORIALS
print(*TUTORIALS, *LARGE)
"""
HERE = str(Path(__file__).parents[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of tests/support/tutorials.py; default: all")
    parser.add_argument("--qat", action="store_true", help="train with quantization as well")
    options = parser.parse_args()
    names = options.names or subprocess.check_output([sys.executable, "-c", NAMES, HERE], text=True).split()
    return int(sum(exported(name, ["--qat"] if options.qat else []) for name in names) > 0)


def exported(name: str, more: list[str]) -> bool:
    """Export one network and print what it took; whether that failed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", MAKE, HERE, name, folder], check=True, stderr=subprocess.DEVNULL)
        path, classes, side, colour, scale = json.loads((Path(folder) / "facts.json").read_text())
        pictures(Path(folder) / "data", max(CLASSES, classes), side, colour)
        # Noise pictures and random weights: calibration would stop, and nothing is better than a guess.
        more += ["--force-calibration", "--keep-losses", *(["--scale", str(scale)] if scale else [])]
        data = ["--data", str(Path(folder) / "data"), "--out", folder]
        begun = time.monotonic()
        with (Path(folder) / "said").open("w+b") as said:
            command = [sys.executable, "-m", "cnnedge", "export", path, *data, *more]
            process = subprocess.Popen(command, stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            last = said.read().decode().strip().splitlines()[-1:]
    seconds, peak = time.monotonic() - begun, usage.ru_maxrss / 1e6
    print(f"{name:22} {seconds:6.0f} s wall {usage.ru_utime + usage.ru_stime:6.0f} s CPU {peak:6.2f} GB", flush=True)
    if process.returncode:
        print(f"  exit code {process.returncode}: {' '.join(last)}", flush=True)
    return process.returncode != 0


def pictures(folder: Path, classes: int, side: int, colour: bool) -> None:
    """A class folder of noise in coarse patches; at most PICTURES a class, and some hundred in all."""
    rng = np.random.default_rng(0)
    for number in range(classes):
        place = folder / f"{number:04}"
        place.mkdir(parents=True)
        for index in range(max(10, min(PICTURES, 300 // classes))):
            coarse = rng.integers(0, 256, (4, 4, 3)).astype("uint8")
            image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            (image if colour else image.convert("L")).save(place / f"{index}.png")


if __name__ == "__main__":
    sys.exit(main())
