"""Prove the benchmark: ``python scripts/benchmark_selfproof.py [FILE ..] [--short]``.

Each FILE is a .tflite or .onnx: the first is compared with itself and with itself slowed down, and the median of
each is held against litert-benchmark or ONNX Runtime's own clock. It takes minutes, on a quiet machine;
``--short`` compares 2 times instead of 20. Exit code 1 if a check fails. What is checked stands in
cnnedge/benchmark/selfproof.py.
"""

import argparse
import sys
from pathlib import Path

from cnnedge.benchmark.selfproof import prove

FILES = [Path("exported/cifar10/cifar10_int8_qat.tflite"), Path("exported/cifar10/cifar10_int8_qat.onnx")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the int8 files of CIFAR-10")
    parser.add_argument("--short", action="store_true", help="2 comparisons instead of 20")
    options = parser.parse_args()
    passed = True
    for proof in prove(options.files or FILES, runs=2 if options.short else 20):
        print(f"{'pass' if proof.passed else 'FAIL'}  {proof.name}: {proof.found}", flush=True)
        passed &= proof.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
