"""HDF5 files that would be read for ever, or that count one thing many times: refused from their structure alone."""

import struct

import h5py
import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.readers.stored import check_hdf5


def test_groups_that_are_each_held_twice_are_not_walked_twice(tmp_path):
    """Forty groups, each with two names for the one before: 2^40 ways through 40 kB."""
    path = tmp_path / "chain.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("g0")
        for number in range(40):
            outer = file.create_group(f"g{number + 1}")
            outer["a"] = outer["b"] = group
            del file[f"g{number}"]
            group = outer
    with pytest.raises(ModelError, match=r"holds '/g40/.*' under another name too: no Keras model does"):
        check_hdf5(path)


def test_a_group_within_itself(tmp_path):
    path = tmp_path / "circle.h5"
    with h5py.File(path, "w") as file:
        file["again"] = file["/"]
    with pytest.raises(ModelError, match="holds '/again' under another name too"):
        check_hdf5(path)


def test_one_dataset_does_not_count_as_many(tmp_path):
    """What a file holds is what a network's weights may take in memory."""
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        file["x0"] = np.ones(1000, np.float32)
    assert check_hdf5(path) == 1000
    with h5py.File(path, "a") as file:
        for number in range(1, 100):
            file[f"x{number}"] = file["x0"]
    with pytest.raises(ModelError, match="under another name too"):
        check_hdf5(path)


@pytest.fixture
def told(tmp_path):
    """A file that says something of itself, and where the heap lies that holds the text."""
    path = tmp_path / "told.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(10, np.float32)
        file.attrs["model_config"] = "{}"
    assert check_hdf5(path) == 10
    return path, path.read_bytes().index(b"GCOL\1\0\0\0")


def test_a_heap_that_goes_on_for_ever(told, monkeypatch):
    """Its free space, whose size counts its own head, is said to have none: the library looks there again and again."""
    path, heap = told
    content, free = bytearray(path.read_bytes()), heap + 16
    while struct.unpack_from("<H", content, free)[0]:
        free += 16 + -(-struct.unpack_from("<Q", content, free + 8)[0] // 8) * 8
    struct.pack_into("<Q", content, free + 8, 0)
    path.write_bytes(content)
    monkeypatch.setattr("cnnedge.model.readers.stored.PATIENCE_S", 3)
    with pytest.raises(ModelError, match=r"reading what it says of its weights, tried apart, takes over 3 s"):
        check_hdf5(path)


def test_a_text_of_gigabytes_that_is_not_there(told):
    path, heap = told
    content = path.read_bytes()
    place = struct.pack("<IQI", 2, heap, 1)  # length, heap, number in it
    assert content.count(place) == 1
    path.write_bytes(content.replace(place, struct.pack("<IQI", 2**32 - 2, heap, 1)))
    with pytest.raises(ModelError, match=r"what it says of its weights, tried apart: OSError: .*memory"):
        check_hdf5(path)
