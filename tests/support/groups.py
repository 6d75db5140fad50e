"""Which tests share a worker: those of one file, so that what they share is made once.

pytest-xdist spreads the tests over its workers one by one, and each worker makes a file's fixtures for itself: training
a network for ``tests/cli/test_run.py`` took 200 s of CPU time twice.
"""

import pytest


# First: pytest-xdist writes the groups into the tests' names in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
