"""Sizes, batches and epochs that fit the number of photos, from a handful to a hundred thousand."""

import pytest

from cnnedge.photos.recipe_for import held_out, recipe_for, size_for
from cnnedge.photos.survey import Survey, survey
from tests.support.photos import write_photos


@pytest.mark.parametrize(
    ("pictures", "side", "from_base", "size"),
    [
        (1_052, 3_024, True, 160),
        (1_052, 3_024, False, 128),
        (2_000, 3_024, False, 96),
        (1_052, 100, True, 128),
        (1_052, 28, True, 96),
    ],
)
def test_the_size_follows_the_photos(pictures, side, from_base, size):
    assert size_for(Survey(pictures, side), from_base=from_base) == size


@pytest.mark.parametrize(("images", "batch", "epochs"), [(5, 5, 120), (70, 8, 120), (1_280, 32, 94), (80_000, 32, 15)])
def test_batches_and_epochs_follow_their_number(images, batch, epochs):
    recipe = recipe_for(images, 96, from_base=False)
    assert (recipe.batch_size, recipe.epochs) == (batch, epochs)
    assert recipe.peak_learning_rate == pytest.approx(0.2 * batch / 128)
    fitted = recipe_for(images, 96, from_base=True)
    assert fitted.epochs < recipe.epochs and fitted.peak_learning_rate < recipe.peak_learning_rate
    assert recipe_for(images, 96, from_base=True, epochs=3).epochs == 3


@pytest.mark.parametrize(
    ("size", "from_base", "batch"), [(96, False, 32), (224, False, 8), (160, True, 16), (512, True, 8)]
)
def test_large_photos_come_in_small_batches(size, from_base, batch):
    assert recipe_for(80_000, size, from_base=from_base).batch_size == batch


def test_what_is_held_out_is_never_more_than_a_fifth():
    assert held_out(1_052) == (159, 67) and held_out(10) == (1, 1)
    assert held_out(1_000_000) == (2_000, 300)


def test_a_survey_counts_pictures_and_reads_headers_alone(tmp_path):
    folder = write_photos(tmp_path / "photos", per_class=3, side=90)
    (folder / "rose" / "notes.txt").write_text("no picture")
    (folder / "rose" / "IMG_0001.jpg").write_bytes(b"damaged")
    assert survey(folder) == Survey(pictures=9, side=90)
