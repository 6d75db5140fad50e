"""A network that was meant otherwise is found out before anything is made of it."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.data import ArraySplit, Dataset
from cnnedge.errors import ModelError
from cnnedge.model import plausible
from cnnedge.model.plausible import check_plausible
from cnnedge.model.preprocessing import NAMED
from cnnedge.model.rgb_input import taking_rgb
from cnnedge.model.source import read_source

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def colours():
    """Three classes: the brightest of three channels is the class; noise around it."""
    rng = np.random.default_rng(5)
    labels = np.arange(240) % 3
    images = rng.integers(0, 160, (240, 6, 6, 3))
    images[np.arange(240), :, :, 2 - labels] += 60
    split = ArraySplit(images.astype("uint8"), labels.astype(np.int64))
    part = split.take(range(120))
    return Dataset("colours", NAMES, split, part, part, part, "folder", False, "", 0)


def network(folder, *, before=(), order=(0, 1, 2), scale=1.0):
    """Right on ``colours`` in itself: the logit of a class is the mean of its channel, fed as 0..255 / ``scale``."""
    image = x = keras.Input((6, 6, 3))
    for layer in before:
        x = layer(x)
    dense = layers.Dense(3, activation="softmax")
    model = keras.Model(image, dense(layers.GlobalAveragePooling2D()(x)))
    kernel = np.eye(3)[::-1][:, list(order)] * scale
    dense.set_weights([kernel, np.zeros(3)])
    model.save(folder / "theirs.keras")
    return folder / "theirs.keras"


def test_a_model_that_is_right_passes(colours, tmp_path):
    assert check_plausible(read_source(network(tmp_path)), colours) is None


def test_a_model_for_scaled_pixels_names_the_option(colours, tmp_path):
    """Pixels are clipped at 1, as activations of a network for 0..1 saturate with 0..255."""
    path = network(tmp_path, before=[layers.ReLU(max_value=1.0)], scale=100.0)
    with pytest.raises(ModelError, match=r"answers 3\d% of 200 .* as it is, 100% with pixels / 255: add --scale 255"):
        check_plausible(read_source(path), colours)
    assert check_plausible(read_source(path, preprocessing=NAMED["0..1"]), colours) is None


def test_an_option_that_should_be_left_out(colours, tmp_path):
    path = network(tmp_path)
    with pytest.raises(ModelError, match="100% without any preprocessing: leave --scale"):
        check_plausible(read_source(path, preprocessing=NAMED["bgr"]), colours)


def test_blue_first(colours, tmp_path):
    path = network(tmp_path, order=(2, 1, 0))
    with pytest.raises(ModelError, match=r"100% with .*blue first.*: add --preprocessing"):
        check_plausible(read_source(path), colours)


def test_another_order_of_the_classes(colours, tmp_path):
    """Green, blue, red is no reversal: no order of channels explains it."""
    path = network(tmp_path, order=(1, 0, 2))
    with pytest.raises(ModelError, match="100% with its classes in another order: add --labels green,blue,red"):
        check_plausible(read_source(path), colours)


def test_guessing_that_nothing_explains_is_said(colours, tmp_path):
    path = network(tmp_path, scale=0.0)
    warning = check_plausible(read_source(path), colours)
    assert warning is not None and "answers 32% of 200" in warning and "it is near guessing" in warning


@pytest.fixture(scope="module")
def two(colours):
    """The same pictures in two classes: blue or not."""

    def halved(split):
        return ArraySplit(split.pixels(np.arange(len(split))), np.minimum(split.labels, 1))

    parts = {name: halved(getattr(colours, name)) for name in ("train", "validation", "calibration", "test")}
    return replace(colours, labels=("blue", "other"), **parts)


def one_number(folder, scale, bias):
    """Its number is ``scale`` times how far blue stays behind the mean of green and red, and ``bias``."""
    image = keras.Input((6, 6, 3))
    dense = layers.Dense(1)
    model = keras.Model(image, dense(layers.GlobalAveragePooling2D()(image)))
    dense.set_weights([scale * np.array([[0.5], [0.5], [-1.0]]), np.array([bias])])
    model.save(folder / "one.keras")
    return read_source(folder / "one.keras")


def test_one_number_is_a_logit_where_its_answers_are_right(two, tmp_path):
    assert check_plausible(one_number(tmp_path, 1.0, 10.0), two) is None


def test_one_number_that_parts_the_classes_elsewhere_is_no_logit(two, tmp_path):
    """Blue gives about -60 and the others 30 before scaling: 0.2 and 0.8 after it, as of a training with 0 and 1."""
    said = r"answers 6\d% of .*, 100% with its classes parted at 0\.\d+ and not at 0: .* is no logit, so train it with"
    with pytest.raises(ModelError, match=said):
        check_plausible(one_number(tmp_path, 0.006, 0.6), two)


def test_one_number_that_tells_nothing_of_the_classes_stops(two, tmp_path):
    with pytest.raises(ModelError, match=r"near guessing.*; its one number without activation may be no logit at all"):
        check_plausible(one_number(tmp_path, 0.0, 0.6), two)


def test_one_number_that_was_compared_with_too_little_is_said(two, tmp_path):
    few = two.train.take(range(6))
    said = check_plausible(one_number(tmp_path, 1.0, 10.0), replace(two, train=few, validation=few))
    assert said == (
        "whether its one number is the logit of p was not checked: 12 training and validation pictures are too few, "
        "add some"
    )


def test_a_grey_network_that_is_to_take_rgb_is_compared_as_well(tmp_path):
    """It is for pixels / 255 and tells dark from bright: with 0..255 all of them are bright."""
    labels = np.arange(120) % 2
    images = np.repeat(labels[:, None, None, None] * 120 + 50, 3, axis=3) * np.ones((1, 6, 6, 1))
    split = ArraySplit(images.astype("uint8"), labels.astype(np.int64))
    data = Dataset("light", ("dark", "bright"), split, split, split, split, "folder", False, "", 0)
    image = keras.Input((6, 6, 1))
    first, last = layers.Conv2D(1, 1), layers.Dense(2, activation="softmax")
    model = keras.Model(image, last(layers.GlobalAveragePooling2D()(first(image))))
    first.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    last.set_weights([np.array([[-9.0, 9.0]]), np.array([4.0, -4.0])])
    model.save(tmp_path / "grey.keras")
    with pytest.raises(ModelError, match=r"answers 50% of 200 .* 100% with pixels / 255: add --scale 255"):
        check_plausible(taking_rgb(read_source(tmp_path / "grey.keras")), data)
    scaled = read_source(tmp_path / "grey.keras", preprocessing=NAMED["0..1"])
    assert check_plausible(taking_rgb(scaled), data) is None


def test_too_few_pictures_tell_nothing(colours, tmp_path):
    few = colours.train.take(range(6))
    data = replace(colours, train=few, validation=few)
    assert check_plausible(read_source(network(tmp_path, scale=0.0)), data) is None


def test_noise_has_no_better_order():
    """A network that knows nothing fits some order of the classes better than theirs, by chance."""
    named = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        answers = rng.choice(4, 200, p=rng.dirichlet(np.ones(4)))
        named += plausible._better_order(answers, rng.integers(0, 4, 200), ("a", "b", "c", "d")) is not None
    assert named == 0


def test_two_classes_exchanged_among_ten_are_another_order():
    """On 200 pictures, 20 a class, of which a tenth is answered at random."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 20)
    rng.shuffle(labels)
    answers = np.where(rng.random(200) < 0.1, rng.integers(0, 10, 200), labels)
    exchanged = np.array([1, 0, *range(2, 10)])[answers]
    assert "add --labels 1,0,2,3" in (plausible._better_order(exchanged, labels, tuple("0123456789")) or "")
