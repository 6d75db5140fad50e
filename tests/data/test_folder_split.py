"""Pictures in files give what the same pictures in memory give."""

import threading
import time
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from cnnedge.data import ArraySplit
from cnnedge.data.folder_split import FolderSplit, PictureFiles
from cnnedge.data.ordered import in_order
from cnnedge.data.sources.entry import Entry
from cnnedge.errors import ImageError

SHAPE = (6, 5, 3)
COUNT = 23


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), np.uint8)


def files_of(images, folder, kept=10) -> PictureFiles:
    paths = [str(folder / f"{number:02}.png") for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    files = PictureFiles([Entry(path, path) for path in paths], SHAPE, kept_bytes=kept * int(np.prod(SHAPE)) + 1)
    files.read()
    return files


@pytest.mark.parametrize("kept", [0, 10, COUNT], ids=["none", "some", "all"])
def test_a_folder_and_an_array_answer_alike(images, tmp_path, kept):
    labels = np.arange(COUNT) % 3
    folder = FolderSplit(files_of(images, tmp_path, kept), np.arange(COUNT), labels)
    array = ArraySplit(images, labels)
    order = np.random.default_rng(1).permutation(COUNT)[:17]
    for mine, theirs in ((folder, array), (folder.take(order), array.take(order))):
        assert (len(mine), mine.image_shape, mine.sha256) == (len(theirs), theirs.image_shape, theirs.sha256)
        assert mine.hashes() == theirs.hashes() and np.array_equal(mine.blank(), theirs.blank())
        assert np.array_equal(mine.pixels([7, 3, 12]), theirs.pixels([7, 3, 12]))
        for ours, given in zip(mine.batches(4), theirs.batches(4), strict=True):
            assert np.array_equal(ours[0], given[0]) and np.array_equal(ours[1], given[1])
    assert folder.take(order).picture_names()[0] == str(tmp_path / f"{order[0]:02}.png")


def test_only_the_first_pictures_are_kept(images, tmp_path):
    files = files_of(images, tmp_path, kept=10)
    for path in (entry.file for entry in files.entries):
        Image.new("RGB", (5, 6), "white").save(path)
    assert np.array_equal(files.pixels(np.arange(10)), images[:10])
    assert (files.pixels(np.arange(10, COUNT)) == 255).all()


def test_unreadable_pictures_are_all_found_in_one_pass(images, tmp_path):
    files_of(images, tmp_path)
    for number, content in ((2, b""), (20, b"<html>")):
        (tmp_path / f"{number:02}.png").write_bytes(content)
    files = PictureFiles([Entry(str(path), str(path)) for path in sorted(tmp_path.iterdir())], SHAPE)
    reports = []
    files.read(lambda *report: reports.append(report))
    assert {index: str(error).split(": ")[1][:8] for index, error in files.unreadable.items()} == {
        2: "is empty", 20: "is a web",
    }  # fmt: skip
    assert reports == [("decode images", done, COUNT) for done in range(1, COUNT + 1)]


def test_a_picture_that_went_away_is_named(images, tmp_path):
    files = files_of(images, tmp_path, kept=0)
    (tmp_path / "05.png").unlink()
    with pytest.raises(ImageError, match=r"05\.png: No such file"):
        files.pixels(np.array([4, 5, 6]))


def test_results_come_in_order_and_not_far_ahead():
    begun, most = [], 0

    def slow(item):
        begun.append(item)
        time.sleep(0.002 if item % 2 else 0)
        return item

    results = in_order(slow, range(200), ahead=5)
    for taken, item in enumerate(results):
        assert item == taken
        most = max(most, len(begun) - taken)
    assert most <= 7  # the one that was taken, 5 ahead, and one being handed over


def test_threads_end_when_nobody_takes_any_more():
    before = threading.active_count()
    assert list(islice(in_order(abs, range(1000), ahead=3), 2)) == [0, 1]
    assert threading.active_count() == before
