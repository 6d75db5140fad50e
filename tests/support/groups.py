"""Which tests share a worker, in what order the groups start, and which cores a worker has.

pytest-xdist spreads the tests over its workers one by one, and each worker makes a file's fixtures for itself: training
a network for ``tests/cli/test_run.py`` took 200 s of CPU time twice. So the tests of a file stay together.
"""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# More than a minute each, the longest first: one of them begun last would leave the other workers idle. pytest-xdist
# keeps this order under --no-loadscope-reorder; its own order, by the number of tests, begins the longest at the end.
LONGEST = [
    "test_emulated_pi.py", "training/test_backends.py", "cli/test_run.py", "test_exported.py", "test_readme.py",
    "scripts/test_cifar_script.py", "scripts/test_mnist_script.py", "cli/test_train.py", "training/test_placement.py",
    "apps/test_match.py", "cli/test_photos.py", "studies/test_widths.py", "convert/test_losses.py",
]  # fmt: skip


def pytest_configure() -> None:
    """Share the cores out among the workers.

    Two workers whose TensorFlow, LiteRT and ONNX Runtime have two threads each on the same two cores wait for one
    another, and those threads wait by spinning.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        own = sorted(os.sched_getaffinity(0))[int(worker[2:]) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
        os.sched_setaffinity(0, own or os.sched_getaffinity(0))


# First: pytest-xdist writes the groups into the tests' names in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    places = {TESTS / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))
