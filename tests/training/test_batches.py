"""Batches of photos that go away while a training goes on."""

import numpy as np
import pytest
from PIL import Image

from cnnedge.data.folder_split import FolderSplit, PictureFiles
from cnnedge.data.sources.entry import Entry
from cnnedge.errors import ImageError
from cnnedge.training.batches import AugmentedBatches, PlainBatches
from cnnedge.training.recipes import Augmentation

COUNT, LEVEL = 12, 20


@pytest.fixture
def split(tmp_path):
    """Grey photo ``i`` has the level 20 i and the class i; none is kept in memory."""
    paths = [str(tmp_path / f"{number:02}.png") for number in range(COUNT)]
    for number, path in enumerate(paths):
        Image.new("RGB", (4, 4), (LEVEL * number,) * 3).save(path)
    files = PictureFiles([Entry(path, path) for path in paths], (4, 4, 3), kept_bytes=0)
    files.read()
    return FolderSplit(files, np.arange(COUNT), np.arange(COUNT))


def batches(split):
    return AugmentedBatches(
        split, num_classes=COUNT, batch_size=4, augmentation=Augmentation(shift=0, flip=False), seed=0
    )


def classes(batch):
    """The classes by the labels, which are those of the pixels."""
    images, labels = batch
    found = labels.argmax(axis=1)
    np.testing.assert_array_equal(images[:, 0, 0, 0] / LEVEL, found)
    return found.tolist()


def test_a_photo_that_goes_away_is_said_once_and_another_takes_its_place(split, tmp_path, caplog):
    (tmp_path / "05.png").unlink()
    whole = batches(split)
    seen = [classes(whole.batch(epoch, step)) for epoch in range(2) for step in range(whole.steps)]
    assert [len(batch) for batch in seen] == [4] * 6
    assert {number for batch in seen for number in batch} == set(range(COUNT)) - {5}
    plain = PlainBatches(split, num_classes=COUNT, batch_size=4)
    assert [classes(plain[index]) for index in range(3)] == [[0, 1, 2, 3], [4, 6, 7, 4], [8, 9, 10, 11]]
    lines = [record.getMessage() for record in caplog.records]  # of the training, and of the evaluation
    assert len(lines) == 2 and all("05.png: No such file" in line for line in lines)
    assert lines[0].endswith("the training goes on without it")


def test_where_none_of_a_batch_is_left_the_training_ends(split, tmp_path):
    for path in tmp_path.glob("*.png"):
        path.unlink()
    with pytest.raises(ImageError, match="none of the 4 pictures of a batch can be read any more"):
        batches(split).batch(0, 0)
