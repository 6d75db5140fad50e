"""Measure exported files beside the float Keras model: ``python scripts/benchmark.py exported/cifar10``.

The same as ``cnnedge benchmark``, options and all (``--help`` shows them).
"""

import sys

from cnnedge.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "benchmark")
    main()
