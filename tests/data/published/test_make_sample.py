"""The sample in the package is what its script makes of the full dataset."""

import numpy as np

from cnnedge.data.published.catalogue import MNIST
from cnnedge.data.published.make_sample import choose_sample, write_sample


def test_sample_is_part_of_the_full_dataset(mnist_arrays):
    chosen = choose_sample(mnist_arrays)
    with np.load(MNIST.sample, allow_pickle=False) as sample:
        assert set(sample.files) == set(chosen)
        assert all(np.array_equal(sample[name], chosen[name]) for name in chosen)


def test_sample_is_balanced():
    with np.load(MNIST.sample, allow_pickle=False) as sample:
        assert np.bincount(sample["y_train"]).tolist() == [100] * 10
        assert np.bincount(sample["y_test"]).tolist() == [50] * 10


def test_script_writes_the_same_sample_again(tmp_path, mnist_arrays):
    write_sample(tmp_path / "again.npz")
    with np.load(MNIST.sample) as shipped, np.load(tmp_path / "again.npz", allow_pickle=False) as again:
        assert all(np.array_equal(shipped[name], again[name]) for name in shipped.files)
