import numpy as np
import pytest

from cnnedge.examples.drawings import Cell, draw_confusion, draw_grid


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)


def shown(axes) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in axes.images]


def test_rows_of_different_length_keep_their_place(photo):
    figure = draw_grid([[Cell(photo, "a"), Cell(photo, "b")], [Cell(photo, "c")]], "title", ["first", "second"])
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", ""]
    assert [axes.get_ylabel() for axes in figure.axes] == ["first", "", "second", ""]
    assert [axes.axison for axes in figure.axes] == [True, True, True, False]
    assert np.array_equal(shown(figure.axes[0])[0], photo)


def test_heat_lies_over_the_image_in_grey(photo):
    heat = np.linspace(0, 1, 48).reshape(8, 6)
    below, above = shown(draw_grid([[Cell(photo, heat=heat)]], "heat").axes[0])
    assert np.allclose(below, photo.mean(axis=2)) and np.allclose(above, heat)


def test_pixels_have_a_fixed_scale_and_feature_maps_their_own():
    dim = np.full((4, 4), 100, np.uint8)
    dim[0, 0] = 120
    pixels, feature = draw_grid([[Cell(dim), Cell(dim / 100)]], "scales").axes
    assert pixels.images[0].get_clim() == (0, 255)
    assert feature.images[0].get_clim() == (1.0, 1.2)


def test_confusion_matrix_shows_every_count_and_colours_by_share(tmp_path):
    counts = np.array([[90, 10], [0, 5]])
    axes = draw_confusion(counts, ["cat", "dog"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["90", "10", "0", "5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    np.testing.assert_allclose(shown(axes)[0], [[0.9, 0.1], [0, 1]])


def test_class_without_images_is_drawn_empty():
    axes = draw_confusion(np.array([[1, 0], [0, 0]]), ["cat", "dog"]).axes[0]
    assert np.array_equal(shown(axes)[0], [[1, 0], [0, 0]])
