"""The decoded arrays on disk: damage, and several processes at once."""

import multiprocessing

import numpy as np
import pytest

from cnnedge.data.published import cache
from cnnedge.data.published.catalogue import MNIST
from cnnedge.data.published.download import fetch
from tests.support.raw_datasets import (
    cached_files,
    few_digits,
    files_below,
    gz_files,
    serving,
    spec_of,
    web_source,
    write_repeatedly,
)


@pytest.fixture
def folder(tmp_path):
    cache.write(spec_of(), tmp_path, few_digits())
    return tmp_path


def test_what_was_written_is_read(folder):
    arrays = cache.read(spec_of(), folder)
    assert all(np.array_equal(arrays[name], expected) for name, expected in few_digits().items())


def test_files_are_numpys_own_format_without_pickle(folder):
    for name, expected in few_digits().items():
        assert np.array_equal(np.load(folder / "digits" / f"{name}.npy", allow_pickle=False), expected)


DAMAGES = {
    "flipped-bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "cut-off": lambda content: content[: len(content) // 2],
    "extended": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "other-header": lambda content: content.replace(b"|u1", b"|i1"),
    "pickle": lambda content: b"\x80\x04cos\nsystem\n(S'exit 1'\ntR.",
}


@pytest.mark.parametrize("array", ["x_train", "y_test"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_entry_is_reported_and_fetched_again(folder, caplog, array, damage):
    path = folder / "digits" / f"{array}.npy"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with serving(gz_files()) as address:
        arrays, source = fetch(spec_of(web_source(address)), folder)
    assert source == "canonical address"
    assert np.array_equal(arrays[array], few_digits()[array])
    assert path.read_bytes() == whole
    assert f"{path} is damaged and was removed" in caplog.text


def test_damaged_entry_does_not_stay_when_no_source_can_replace_it(folder):
    path = folder / "digits" / "x_test.npy"
    path.write_bytes(b"damage")
    assert cache.read(spec_of(), folder) is None
    assert not path.exists()


def test_missing_array_means_fetching_again(folder):
    (folder / "digits" / "y_train.npy").unlink()
    assert cache.read(spec_of(), folder) is None


def test_folder_is_the_environments_or_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path))
    assert cache.data_folder() == tmp_path
    monkeypatch.delenv("CNNEDGE_DATA")
    assert cache.data_folder().name == "cnnedge"


def test_reader_never_meets_half_a_file_while_two_processes_write(tmp_path, mnist, caplog):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_repeatedly, args=(cache.data_folder(), tmp_path, 2)) for _ in range(2)]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):
        reads += cache.read(MNIST, tmp_path) is not None
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert reads > 0
    assert cache.read(MNIST, tmp_path) is not None
    assert caplog.records == []
    assert len(files_below(tmp_path)) == len(cached_files())
