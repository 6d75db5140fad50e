"""Prove the benchmark: ``python scripts/benchmark_selfproof.py [FILE] [--short]``.

On a quiet machine, two minutes; ``--short`` (for CI) makes 6 pairs of processes instead of 20. Exit code 1
if a check fails. What is checked stands in cnnedge/benchmark/selfproof.py.
"""

import argparse
import sys
from pathlib import Path

from cnnedge.benchmark.selfproof import prove


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path("exported/cifar10/cifar10_int8_qat.tflite"))
    parser.add_argument("--short", action="store_true", help="6 pairs of processes instead of 20")
    options = parser.parse_args()
    passed = True
    for proof in prove(options.file, runs=6 if options.short else 20):
        print(f"{'pass' if proof.passed else 'FAIL'}  {proof.name}: {proof.found}", flush=True)
        passed &= proof.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
