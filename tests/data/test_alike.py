"""Pictures that were saved anew, told from others."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.data import alike
from cnnedge.data.alike import count_alike, thumbnail


def scenes(count: int, seed: int) -> np.ndarray:
    """Smooth random pictures: uint8 (count, 64, 64, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), np.uint8)
    return np.array([np.asarray(Image.fromarray(one).resize((64, 64), Image.Resampling.BICUBIC)) for one in coarse])


def saved_anew(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def looks(pictures) -> np.ndarray:
    return np.array([thumbnail(picture) for picture in pictures])


def test_a_thumbnail_has_the_brightness_of_the_cells_and_the_colour_of_all():
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[2:4, 3:6] = (100, 200, 50)
    expected = np.zeros(67)
    expected[9], expected[64:] = 153, (2, 3, 1)  # 29.9 + 117.4 + 5.7; a 64th of each channel
    assert np.array_equal(thumbnail(picture), expected)
    small = thumbnail(np.full((3, 2, 1), 7, np.uint8))
    assert np.array_equal(small[:64].reshape(8, 8)[:3, :2], np.full((3, 2), 7)) and small[64] == 7 and small.sum() == 49


def test_pictures_saved_anew_are_found_and_others_are_not():
    train = scenes(300, 0)
    again = [saved_anew(picture, 75) for picture in train[::10]]
    assert count_alike(looks(again), looks(train)) == (30, 30)
    assert count_alike(looks(scenes(300, 1)), looks(train)) == (0, 300)


def test_pictures_of_one_colour_say_nothing_and_no_pictures_neither(monkeypatch):
    plain = np.full((5, 64, 64, 3), 100, np.uint8)
    assert count_alike(looks(plain), looks(plain)) == (0, 0)
    nothing = np.empty((0, 67), np.uint8)
    assert count_alike(nothing, looks(plain)) == (0, 0) and count_alike(looks(scenes(1, 0)), nothing) == (0, 1)
    monkeypatch.setattr(alike, "MOST", 10)
    assert count_alike(looks(scenes(40, 0)), looks(scenes(40, 0))) == (10, 10)


@pytest.fixture
def photos(tmp_path):
    for label, pictures in (("one", scenes(20, 2)), ("two", scenes(20, 3))):
        for part in ("photos", "test"):
            (tmp_path / part / label).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(tmp_path / "photos" / label / f"{number}.png")
        for number, picture in enumerate((pictures[0], saved_anew(pictures[1], 90), scenes(1, 4)[0])):
            Image.fromarray(picture).save(tmp_path / "test" / label / f"other{number}.png")
    return tmp_path


def test_test_pictures_that_only_look_like_training_pictures_are_said(photos, caplog):
    found, _ = datasets.look(photos / "photos", datasets.FolderOptions(test=photos / "test"))
    assert found.leaks["test", "train"] == 2
    assert found.alike["test", "train"] == (2, 4)
    assert "2 of 4 pictures of test look like one of train, though their pixels differ" in caplog.text
    assert found.document()["alike"] == [{"of": "test", "in": "train", "images": 2, "compared": 4}]
