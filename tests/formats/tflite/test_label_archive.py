import io
import struct
import zipfile

import pytest

from cnnedge.errors import ModelError
from cnnedge.formats.tflite.label_archive import MAX_FILE_BYTES, append_files, read_file, without_archive

MODEL = b"a model of any length" * 7


def archive(*files: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    whole = io.BytesIO(MODEL)
    with zipfile.ZipFile(whole, "a", method) as opened:
        for name, data in files:
            opened.writestr(name, data)
    return whole.getvalue()


def test_files_go_behind_the_model_and_come_back():
    whole = append_files(MODEL, {"labels.txt": b"a\nb", "empty": b""})
    assert whole.startswith(MODEL) and without_archive(whole) == MODEL
    assert read_file(whole, "labels.txt") == b"a\nb" and read_file(whole, "empty") == b""


def test_a_model_without_an_archive():
    unlucky = MODEL + b"PK\x05\x06" + bytes(range(18)) + MODEL
    assert without_archive(MODEL) == MODEL and without_archive(unlucky) == unlucky
    assert read_file(append_files(unlucky, {"labels.txt": b"a"}), "labels.txt") == b"a"
    with pytest.raises(ModelError, match=r"no readable archive behind the model"):
        read_file(MODEL, "labels.txt")


def test_entries_are_stored_as_mediapipe_wants_them():
    with zipfile.ZipFile(io.BytesIO(append_files(MODEL, {"labels.txt": b"a" * 1000}))) as opened:
        (entry,) = opened.infolist()
    assert entry.compress_type == zipfile.ZIP_STORED and entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_compressed_files_of_other_tools_are_read():
    assert read_file(archive(("labels.txt", b"a\n" * 500), method=zipfile.ZIP_DEFLATED), "labels.txt") == b"a\n" * 500


def test_other_packings_are_refused():
    """An LZMA entry may ask for 4 GB of dictionary before it gives a byte."""
    with pytest.raises(ModelError, match="packed by method 14, expected 0 or 8"):
        read_file(archive(("labels.txt", b"a"), method=zipfile.ZIP_LZMA), "labels.txt")


@pytest.mark.parametrize("name", ["../labels.txt", "/etc/passwd", "a/../../b", "\\\\host\\labels", "c:labels.txt"])
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(ModelError, match="leads out of the archive"):
        read_file(archive((name, b"a")), name)


def test_a_bomb_is_not_unpacked():
    bomb = archive(("labels.txt", bytes(50_000_000)), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    with pytest.raises(ModelError, match=f"larger than {MAX_FILE_BYTES:,} bytes"):
        read_file(bomb, "labels.txt")


def test_a_bomb_that_lies_about_its_size():
    bomb = bytearray(archive(("labels.txt", bytes(50_000_000)), method=zipfile.ZIP_DEFLATED))
    central = bomb.rindex(b"PK\x01\x02")
    bomb[central + 24 : central + 28] = struct.pack("<I", 10)  # the size after unpacking
    with pytest.raises(ModelError, match=r"larger than|cannot be read"):
        read_file(bytes(bomb), "labels.txt")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused():
    with pytest.raises(ModelError, match=r"holds 2 files 'labels\.txt', expected 1"):
        read_file(archive(("labels.txt", b"a"), ("labels.txt", b"b")), "labels.txt")


def test_a_file_that_is_not_there():
    with pytest.raises(ModelError, match=r"holds 0 files 'labels\.txt', expected 1"):
        read_file(archive(("other.txt", b"a")), "labels.txt")


def test_an_encrypted_file():
    whole = bytearray(archive(("labels.txt", b"a\nb")))
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ModelError, match="cannot be read"):
        read_file(bytes(whole), "labels.txt")


def test_every_damage_is_an_error_and_nothing_else():
    whole = append_files(MODEL, {"labels.txt": b"first\nsecond\n"})
    for at in range(len(MODEL), len(whole)):
        for bit in (1, 16, 255):
            try:
                read_file(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :], "labels.txt")
            except ModelError:
                continue
