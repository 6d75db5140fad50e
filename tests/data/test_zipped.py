"""Zips of pictures as they are downloaded."""

import contextlib
import io
import zipfile

import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.data.zipped import unpacked
from cnnedge.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))
    return tmp_path / "kept"


def picture(level: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), level).save(stream, "PNG")
    return stream.getvalue()


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def photos(path):
    """Of a Mac: a folder around everything, and its attributes beside it."""
    members = {
        f"flowers/{name}/{k}.png": picture(100 * n + k) for n, name in enumerate(("rose", "tulip")) for k in range(9)
    }
    return write_zip(path, members | {"flowers/notes.txt": b"x", "__MACOSX/flowers/rose/._0.png": b"attributes"})


def test_a_zip_is_the_dataset_in_it(tmp_path, data_folder):
    dataset = datasets.load(photos(tmp_path / "flowers-v2.zip"), image_shape=(8, 8, 1))
    assert (dataset.name, dataset.labels) == ("flowers-v2", ("rose", "tulip"))
    assert len(dataset.train) + len(dataset.validation) + len(dataset.calibration) + len(dataset.test) == 18
    kept = [path for path in data_folder.rglob("*") if path.is_file()]
    assert len(kept) == 18 and {path.suffix for path in kept} == {".png"}


def test_it_is_unpacked_once_and_again_when_it_changes(tmp_path):
    archive = photos(tmp_path / "flowers.zip")
    reports = []
    first = unpacked(archive, lambda *report: reports.append(report))
    assert reports[-1] == ("unpack pictures", 18, 18)
    assert unpacked(archive, lambda *report: reports.append(report)) == first and len(reports) == 18
    write_zip(archive, {"rose/a.png": picture(1)})
    assert unpacked(archive) != first


@pytest.mark.parametrize("name", ["../outside.png", "/tmp/outside.png", "..\\outside.png"])
def test_nothing_is_written_outside(tmp_path, name, data_folder):
    with pytest.raises(DataError, match="this is no archive of pictures"):
        unpacked(write_zip(tmp_path / "evil.zip", {name: picture(1)}))
    assert not [path for path in data_folder.rglob("*") if path.is_file()]


def test_a_zip_that_unpacks_into_too_much_is_refused_by_its_headers(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnedge.data.zipped.MAX_UNPACKED", 1000)
    archive = write_zip(tmp_path / "bomb.zip", {f"a/{k}.png": bytes(600) for k in range(2)})
    with pytest.raises(DataError, match=r"bomb\.zip unpacks into 0\.0 GB, and .* make room there"):
        unpacked(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_damage_does_is_one_message(tmp_path, method):
    """Every way to pack has errors of its own."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", method) as archive:
        archive.writestr("rose/0.png", bytes(range(256)) * 8)
    content = whole.read_bytes()
    for place in range(30, len(content), 3):
        damaged = tmp_path / f"{place}.zip"
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        with contextlib.suppress(DataError):
            unpacked(damaged)


def test_names_in_utf8_that_do_not_say_so_are_read_as_such(tmp_path):
    """A Mac packs like this; what is not UTF-8 stays in the code page of DOS, as every unpacker has it."""
    for name, written in (("Gänse", "Gänse".encode()), ("Gänse", "Gänse".encode("cp437"))):
        members = {f"{'x' * len(written)}/{k}.png": picture(k) for k in range(2)}
        archive = write_zip(tmp_path / f"{len(written)}.zip", members)
        archive.write_bytes(archive.read_bytes().replace(b"x" * len(written), written))
        assert [path.name for path in unpacked(archive).iterdir()] == [name]


def test_a_name_of_dots_leads_nowhere(tmp_path, data_folder):
    found = unpacked(write_zip(tmp_path / "...zip", {"rose/0.png": picture(1)}))
    assert found.resolve().is_relative_to(data_folder / "unzipped")
    assert [path.name for path in found.iterdir()] == ["rose"]


def test_damaged_and_empty_zips_are_named(tmp_path, data_folder):
    archive = photos(tmp_path / "damaged.zip")
    content = bytearray(archive.read_bytes())
    content[60:80] = bytes(20)
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.zip cannot be unpacked \(.*\): download it again"):
        unpacked(archive)
    with pytest.raises(DataError, match=r"empty\.zip holds no pictures"):
        unpacked(write_zip(tmp_path / "empty.zip", {"a.txt": b"x"}))
    assert not [path for path in data_folder.rglob("*") if path.is_file()]
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(UsageError, match="unknown dataset"):
        datasets.load(tmp_path / "text.zip")
