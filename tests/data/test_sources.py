"""Every kind of source gives the pictures that lie in it, with their keys, classes and bytes."""

import io
import os
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnnedge.data.sources import open_source
from cnnedge.errors import DataError, UsageError
from cnnedge.images.decode import decode
from cnnedge.images.folders import LeftOut

LABELS = ("red", "green", "blue")


def png(colour: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(stream, "PNG")
    return stream.getvalue()


def write_tar(path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def found(text: object, labels=LABELS) -> list[tuple[str, str | None, tuple[int, ...]]]:
    """Key, class and first pixel of every picture."""
    source = open_source(str(text))
    entries = [entry for entry in source.entries(labels) if not isinstance(entry, LeftOut)]
    return [(one.key, one.truth, tuple(decode(source.encoded(one), (4, 4, 3))[0, 0].tolist())) for one in entries]


RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def photos(tmp_path):
    for name in ("red/sub/1.png", "blue/2.png", "blue/._2.png", "notes.txt"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(name.partition("/")[0]) if name.endswith("png") else b"no picture")
    return tmp_path / "photos"


def test_folder_names_the_innermost_class_that_the_file_has(photos):
    expected = [(f"{photos}/blue/2.png", "blue", BLUE), (f"{photos}/red/sub/1.png", "red", RED)]
    assert sorted(found(photos)) == expected
    assert [truth for _, truth, _ in sorted(found(photos, ("cat", "dog")))] == [None, None]


def test_pattern(photos):
    assert found(f"{photos}/**/1.png") == [(f"{photos}/red/sub/1.png", "red", RED)]
    with pytest.raises(DataError, match="matches no picture and no shard"):
        open_source(f"{photos}/*.jpg")


def test_text_list_starts_at_its_folder_and_may_name_classes(photos):
    (photos / "list.tsv").write_text("blue/2.png\tgreen\nred/sub/1.png\n\n")
    expected = [(f"{photos}/blue/2.png", "green", BLUE), (f"{photos}/red/sub/1.png", "red", RED)]
    assert found(photos / "list.tsv") == expected


def test_undecodable_name_is_shown_and_read(photos):
    (photos / "blue" / "2.png").rename(photos / "blue" / os.fsdecode(b"\xe9.png"))
    assert found(photos / "blue", None) == [(f"{photos}/blue/\\xe9.png", "blue", BLUE)]


def test_tar_shards_as_webdataset_writes_them(tmp_path):
    write_tar(
        tmp_path / "a-0.tar", {"x/1.png": png("red"), "x/1.cls": b"2\n", "x/1.json": b"{}", "x/2.png": png("blue")}
    )
    write_tar(tmp_path / "a-1.tar", {"green/1.png": png("blue")})
    expected = [
        (f"{tmp_path}/a-0.tar/x/1.png", "blue", RED),
        (f"{tmp_path}/a-0.tar/x/2.png", None, BLUE),
        (f"{tmp_path}/a-1.tar/green/1.png", "green", BLUE),
    ]
    assert found(f"{tmp_path}/a-*.tar") == expected
    assert found(tmp_path) == expected


def test_tar_cut_short_gives_what_is_whole_and_says_so(tmp_path):
    path = tmp_path / "a.tar"
    write_tar(path, {"1.png": png("red"), "2.png": png("blue")})
    path.write_bytes(path.read_bytes()[:1100])  # header, red, half a header
    source = open_source(str(path))
    first, cut = source.entries(LABELS)
    assert first.key == f"{path}/1.png"
    assert isinstance(cut, LeftOut) and "cut short after 1 pictures" in cut.reason
    path.write_bytes(b"no archive" * 100)
    with pytest.raises(DataError, match="is no plain tar archive"):
        list(open_source(str(path)).entries(LABELS))


@pytest.mark.parametrize("nested", [False, True])
def test_parquet(tmp_path, nested):
    contents = [png("red"), png("blue"), png("blue")]
    pictures = [{"bytes": content, "path": "x"} for content in contents] if nested else contents
    table = pa.table({"key": ["a", "b", None], "image": pictures, "label": [0, 2, None]})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=2)
    expected = [("a", "red", RED), ("b", "blue", BLUE), (f"{tmp_path}/p.parquet#2", None, BLUE)]
    assert found(tmp_path / "p.parquet") == expected
    assert found(f"file://{tmp_path}/p.parquet")[:2] == expected[:2]
    source = open_source(str(tmp_path / "p.parquet"))
    backwards = [decode(source.encoded(one), (4, 4, 3))[0, 0, 0] for one in reversed(list(source.entries(LABELS)))]
    assert backwards == [0, 0, 255]


def test_parquet_without_pictures_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"name": ["a"], "size": [1]}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match=r"its columns are name \(string\), size \(int64\)"):
        list(open_source(str(tmp_path / "p.parquet")).entries(LABELS))
    (tmp_path / "p.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        list(open_source(str(tmp_path / "p.parquet")).entries(LABELS))


def test_address(photos, tmp_path):
    expected = [(f"file://{photos}/blue/2.png", "blue", BLUE), (f"file://{photos}/red/sub/1.png", "red", RED)]
    assert sorted(found(f"file://{photos}"))[-2:] == expected
    write_tar(tmp_path / "a.tar", {"1.png": png("red")})
    assert found(f"file://{tmp_path}/a.tar") == [(f"file://{tmp_path}/a.tar/1.png", None, RED)]
    for wrong in ("nothing://there", f"file://{tmp_path}/absent"):
        with pytest.raises(
            DataError, match=f"{wrong} (is no address that can be read|cannot be listed|holds no files)"
        ):
            open_source(wrong)


def test_synthetic_pictures_are_the_same_every_time():
    first, second = (found("synthetic:300") for _ in range(2))
    assert first == second and len({pixel for _, _, pixel in first}) > 100
    assert first[0][0] == "synthetic/000000000" and first[256][2] == first[0][2]
    with pytest.raises(UsageError, match="expected synthetic:N"):
        open_source("synthetic:many")


def test_nothing_of_that_name():
    with pytest.raises(DataError, match="absent does not exist: expected a folder, a pattern, a list"):
        open_source("absent")


def test_random_access_is_safe_from_threads(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    colours = [(number, 0, 0) for number in range(100)]
    write_tar(tmp_path / "a.tar", {f"{number:03d}.png": png(f"rgb({number},0,0)") for number, _, _ in colours})
    source = open_source(str(tmp_path / "a.tar"))
    entries = list(source.entries(None))
    with ThreadPoolExecutor(8) as threads:
        pixels = list(threads.map(lambda one: decode(source.encoded(one), (4, 4, 3))[0, 0, 0], entries * 3))
    assert pixels == [*np.arange(100)] * 3
