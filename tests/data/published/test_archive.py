"""Unpacking archives that mean harm."""

import io
import tarfile

import pytest

from cnnedge.data.published.archive import unpack
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from tests.support.raw_datasets import files_below, tar_gz


def test_only_the_wanted_members_are_written(tmp_path):
    archive = tmp_path / "a.tgz"
    archive.write_bytes(tar_gz({"package/a": b"1", "../../evil": b"2", "/evil": b"3", "package/b": b"4"}))
    target = tmp_path / "target"
    target.mkdir()
    unpack(archive, ("package/a",), target, max_bytes=10)
    assert files_below(tmp_path) == ["a.tgz", "target/a"]
    assert (target / "a").read_bytes() == b"1"


def test_missing_member_is_named(tmp_path):
    archive = tmp_path / "a.tgz"
    archive.write_bytes(tar_gz({"package/a": b"1"}))
    with pytest.raises(ValueError, match=r"a\.tgz lacks package/b"):
        unpack(archive, ("package/a", "package/b"), tmp_path, max_bytes=10)


def test_bomb_is_given_up_at_its_header(tmp_path):
    archive = tmp_path / "bomb.tgz"
    # 64 MB of zeros in about 300 kB, before the member that is asked for.
    archive.write_bytes(tar_gz({"zeros": bytes(64_000_000), "package/a": b"1"}))
    with pytest.raises(ValueError, match="unpacks into more than 1,000,000 bytes"):
        unpack(archive, ("package/a",), tmp_path, max_bytes=1_000_000)
    assert files_below(tmp_path) == ["bomb.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_wanted_member_that_is_no_regular_file_is_refused(tmp_path, kind):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as stream:
        entry = tarfile.TarInfo("package/a")
        entry.type, entry.linkname = kind, "/etc/passwd"
        stream.addfile(entry)
    archive = tmp_path / "a.tgz"
    archive.write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="package/a is not a regular file"):
        unpack(archive, ("package/a",), tmp_path, max_bytes=10)
    assert files_below(tmp_path) == ["a.tgz"]


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"text"])
def test_damaged_archive_is_malformed_content(tmp_path, damage):
    archive = tmp_path / "a.tgz"
    archive.write_bytes(damage(tar_gz({"package/a": bytes(range(256)) * 40})))
    with pytest.raises(SourceFailed, match="malformed content"), malformed_content_fails():
        unpack(archive, ("package/a",), tmp_path, max_bytes=100_000)
