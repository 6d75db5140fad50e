"""Whether the commands start slower than they did: two checkouts in turn, with the same Python and packages.

    python scripts/startup.py BEFORE [AFTER] [--runs N] [--before-python PYTHON]

BEFORE and AFTER are checkouts; AFTER is this one if not given. Both get this Python with its packages, unless
--before-python names the one in which the pins of BEFORE are installed: what a person had. Runs `cnnedge --help` and
`cnnedge predict` on one picture, one checkout after the other, and compares neighbours: what slows the machine for a
while slows both. Prints the medians and the median of the ratios, in wall and in CPU time. Ends with exit code 1 if one
takes more than 1.05 of before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

LIMIT = 1.05
HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Checkout:
    """The package in ``folder``, run by ``python``."""

    folder: Path
    python: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, metavar="BEFORE")
    parser.add_argument("after", type=Path, nargs="?", default=HERE, metavar="AFTER", help="default: this checkout")
    parser.add_argument("--runs", type=int, default=31, metavar="N", help="of each command and checkout; default: 31")
    parser.add_argument("--before-python", default=sys.executable, metavar="PYTHON", help="default: this one")
    options = parser.parse_args()
    before = Checkout(options.before.resolve(), options.before_python)
    after = Checkout(options.after.resolve(), sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "digit.png"
        Image.fromarray(np.zeros((28, 28), np.uint8)).save(picture)
        model = HERE / "exported" / "mnist" / "mnist_int8_qat.tflite"
        commands = (["--help"], ["predict", str(model), str(picture)])
        ratios = [compare(command, before, after, options.runs) for command in commands]
    return int(max(ratios) > LIMIT)


def compare(command: list[str], before: Checkout, after: Checkout, runs: int) -> float:
    """Print what ``command`` takes in both checkouts; the smaller of the ratios of wall and CPU time.

    Another program on the machine can only make either larger.
    """
    for checkout in (before, after):
        start(checkout, command)  # reads the files once, and writes the bytecode
    pairs = np.array([[start(before, command), start(after, command)] for _ in range(runs)])
    ratios = np.median(pairs[:, 1] / pairs[:, 0], axis=0)
    for unit, (one, other), ratio in zip(("wall", "CPU"), np.median(pairs, axis=0).T, ratios, strict=True):
        print(
            f"cnnedge {command[0]:<8} {unit:<5} before {1000 * one:6.0f} ms, after {1000 * other:6.0f} ms: {ratio:.3f}"
        )
    return float(min(ratios))


def start(checkout: Checkout, command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start compiles the package, which a person's does once
    begun = time.perf_counter()
    with subprocess.Popen(
        [checkout.python, "-m", "cnnedge", *command], stdout=subprocess.DEVNULL, env=environment, cwd=checkout.folder
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{checkout.folder}: cnnedge {' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
