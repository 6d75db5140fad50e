import os
import resource
import signal

import pytest

from cnnedge.errors import FileExistsRefusal
from cnnedge.files import read_regular, refuse_existing, sha256_of, write_atomically


def test_content_replaces_what_was_there(tmp_path):
    path = tmp_path / "folder" / "file.bin"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    """The limit on file size stands in for the disk: the kernel refuses the write in the same place."""
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as refused:
            write_atomically(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert refused.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.bin"]


def test_folder_in_place_of_the_file_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", b"content")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_mode_is_that_of_an_ordinary_file(tmp_path):
    write_atomically(tmp_path / "ours", b"")
    (tmp_path / "theirs").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_existing_files_are_refused_unless_overwriting(tmp_path):
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_bytes(b"")
    with pytest.raises(FileExistsRefusal, match="there already exists: choose another --out or add --overwrite"):
        refuse_existing([absent, there], overwrite=False)
    refuse_existing([absent, there], overwrite=True)
    refuse_existing([absent], overwrite=False)


def test_sha256_of_the_empty_string():
    # FIPS 180-4 test value
    assert sha256_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="has 5 bytes, expected at most 4"):
        read_regular(path, 4)
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        read_regular(tmp_path, 5)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 5)


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="is a pipe or a device, expected a regular file"):
            read_regular(tmp_path / name, 5)
