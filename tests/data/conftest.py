import shutil

import pytest

from cnnedge import data as datasets
from cnnedge.data.published import cache
from cnnedge.data.published.catalogue import CIFAR10, MNIST
from cnnedge.errors import DataError


@pytest.fixture(autouse=True)
def no_proxy_for_this_machine(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="session")
def mnist():
    dataset = datasets.load("mnist")
    if dataset.is_sample:
        pytest.skip("needs the full MNIST, and no source is within reach")
    return dataset


@pytest.fixture(scope="session")
def cifar10():
    try:
        return datasets.load("cifar10")
    except DataError as error:
        pytest.skip(f"needs CIFAR-10: {error}")


@pytest.fixture
def npm():
    if shutil.which("npm") is None:
        pytest.skip("needs the npm client")


@pytest.fixture(scope="session")
def mnist_arrays(mnist):
    return cache.read(MNIST, cache.data_folder())


@pytest.fixture(scope="session")
def cifar10_arrays(cifar10):
    return cache.read(CIFAR10, cache.data_folder())
