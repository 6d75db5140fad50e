"""Open many model files with one or two hostile operators each and count what they do to the process that opens them.

    python scripts/hostile.py --kind tflite --count 100000

A crash, a file that takes over 20 s, or memory over 1 GB is a defect; the seeds are printed, and
``tests.support.hostile_tflite.hostile(seed)`` makes the file again. tests/formats/test_hostile.py runs some in CI. The
kinds ``damaged-...`` are files that we ship and pictures with bits, numbers or lengths changed: tests.support.damage.
``--first`` goes on where another run ended.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # a package of that name is installed too
from cnnedge import console
from tests.support.hostile_run import KINDS, run_hostile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, default="tflite")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=100, help="of the files that are run apart, one in so many")
    arguments = parser.parse_args()
    with console.progress() as progress:
        found = run_hostile(arguments.kind, arguments.first, arguments.count, every=arguments.every, progress=progress)
    print(found)
    sys.exit(1 if found.defects else 0)


if __name__ == "__main__":
    main()
