"""Measure exported files beside the float Keras model: ``python scripts/benchmark.py exported/cifar10``.

The same as ``cnnedge benchmark``, options and all (``--help`` shows them).
"""

import sys

from cnnedge.cli.app import run

if __name__ == "__main__":
    sys.exit(run(["benchmark", *sys.argv[1:]]))
