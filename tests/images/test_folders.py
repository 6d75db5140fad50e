"""Which files of a folder are looked at, through sub-folders and links."""

import pytest

from cnnedge.errors import ImageError
from cnnedge.images.folders import LeftOut, files_below
from cnnedge.images.listing import listed


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names_below(root):
    found = list(files_below(root))
    return [path if isinstance(path, LeftOut) else path.removeprefix(f"{root}/") for path in found]


def test_files_come_sorted_and_before_those_of_sub_folders(tmp_path):
    make(tmp_path, "b/2.png", "b/1.png", "z.png", "a/deep/er/3.png", "c.txt")
    assert names_below(tmp_path) == ["c.txt", "z.png", "a/deep/er/3.png", "b/1.png", "b/2.png"]


def test_what_systems_leave_is_passed_over(tmp_path):
    make(tmp_path, "a.png", "._a.png", "__MACOSX/._a.png", "__MACOSX/a.png", ".DS_Store", "Thumbs.db", "desktop.ini",
         ".ipynb_checkpoints/a.png", "sub/.hidden/b.png", "sub/._b.png")  # fmt: skip
    assert names_below(tmp_path) == ["a.png"]


def test_linked_folders_are_followed_once(tmp_path):
    make(tmp_path, "disk/x.png", "photos/a.png")
    (tmp_path / "photos/more").symlink_to(tmp_path / "disk")
    (tmp_path / "photos/same").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/back").symlink_to(tmp_path / "photos")
    (tmp_path / "disk/up").symlink_to(tmp_path)
    found = names_below(tmp_path / "photos")
    assert [path for path in found if isinstance(path, str)] == ["a.png", "more/x.png"]
    refused = [path.path.removeprefix(f"{tmp_path}/photos/") for path in found if isinstance(path, LeftOut)]
    assert sorted(refused) == ["more/back", "more/up", "same"]


def test_the_name_that_is_no_link_is_the_one_that_counts(tmp_path):
    make(tmp_path, "z/x.png")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert [path for path in names_below(tmp_path) if isinstance(path, str)] == ["z/x.png"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    (left_out,) = files_below(tmp_path / "none")
    assert left_out == LeftOut(str(tmp_path / "none"), "No such file or directory: this folder was left out")


@pytest.mark.parametrize(
    "suffix",
    [
        "avif",
        "bmp",
        "gif",
        "heic",
        "heif",
        "jfif",
        "jp2",
        "jpe",
        "jpeg",
        "jpg",
        "mpo",
        "pgm",
        "png",
        "ppm",
        "tif",
        "tiff",
        "webp",
        "JPG",
    ],
)
def test_pictures_are_known_by_their_suffix(tmp_path, suffix):
    make(tmp_path, f"a.{suffix}", "notes.txt")
    assert [picture.source for picture in listed([str(tmp_path)])] == [str(tmp_path / f"a.{suffix}")]


def test_links_that_lead_back_are_said_beside_the_pictures(tmp_path):
    make(tmp_path, "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    first, second = listed([str(tmp_path)])
    assert first.source == str(tmp_path / "a.png")
    assert isinstance(second.source, ImageError)
    assert str(second.source) == f"{tmp_path}/loop: links to a folder that is searched already: it was left out"


def test_standard_input_is_read_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("cnnedge.images.listing.MAX_BYTES", 1000)
    with open("/dev/zero", "rb") as zeros:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", type("Terminal", (), {"buffer": zeros})())
        (picture,) = listed(["-"])
    assert str(picture.source) == "-: standard input gives more than 1,000 bytes"
