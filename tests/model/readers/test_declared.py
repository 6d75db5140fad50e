"""What is refused by a file's own words: only what certainly does not fit."""

import keras
import pytest
from keras import layers

from cnnedge.errors import ModelError, UsageError
from cnnedge.model.readers.declared import check_asked


def saved(path, end, kind="functional"):
    inside = keras.Sequential([keras.Input((8, 8, 3)), layers.SeparableConv2D(4, 3, name="inside")], name="nested")
    parts = [inside, layers.GlobalAveragePooling2D(name="pool"), *end]
    if kind == "sequential":
        model = keras.Sequential([keras.Input((8, 8, 3)), *parts])
    else:
        image = x = keras.Input((8, 8, 3))
        for part in parts:
            x = part(x)
        model = keras.Model(image, x)
    model.save(path)
    return path


@pytest.mark.parametrize("kind", ["functional", "sequential"])
@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_another_number_of_labels(kind, activation, suffix, tmp_path):
    path = saved(tmp_path / f"a.{suffix}", [layers.Dense(3, activation=activation)], kind)
    check_asked(path, labels=("a", "b", "c"))
    with pytest.raises(UsageError, match=rf"--labels names 2 classes and a\.{suffix} gives 3"):
        check_asked(path, labels=("a", "b"))


@pytest.mark.parametrize(
    "end",
    [[layers.Dense(1, activation="sigmoid")], [layers.Dense(3), layers.Softmax()], [layers.Dense(4), layers.ReLU()]],
)
def test_a_head_that_is_not_certain_is_left_to_keras(end, tmp_path):
    check_asked(saved(tmp_path / "a.keras", end), labels=("a", "b"))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_names_of_layers_and_what_becomes_of_them(suffix, tmp_path):
    """``inside_depthwise`` and ``logits`` are layers of the folded model alone."""
    path = saved(tmp_path / f"a.{suffix}", [layers.Dense(3, activation="softmax")])
    check_asked(path, float_layers=("inside", "inside_depthwise", "logits"))
    with pytest.raises(UsageError, match=rf"no layer 'insidious' to leave in float: a\.{suffix} has inside"):
        check_asked(path, float_layers=("inside", "insidious"))
    check_asked(path, float_layers=("insidious",), modules=("json",))


def test_modules_and_kinds(tmp_path):
    path = saved(tmp_path / "a.keras", [layers.Dense(3, activation="softmax")])
    for module in ("nowhere", "no.where", "json.nowhere", ".here", ""):
        with pytest.raises(ModelError, match=rf"--allow-custom-objects {module}: it cannot be imported \("):
            check_asked(path, modules=(module,))
    with pytest.raises(ModelError, match=r"is a folder without saved_model\.pb"):
        check_asked(tmp_path)
    for content in (b"PK", path.read_bytes()[:-40]):
        (tmp_path / "damaged").write_bytes(content)
        with pytest.raises(ModelError, match="is not a Keras model file"):
            check_asked(tmp_path / "damaged")


@pytest.mark.parametrize("kind", ["functional", "sequential"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_network_that_takes_rgb_already_is_refused_without_keras(suffix, kind, tmp_path):
    path = saved(tmp_path / f"a.{suffix}", [layers.Dense(3, activation="softmax")], kind)
    with pytest.raises(UsageError, match="the model takes 3 channels already: leave --rgb-input out"):
        check_asked(path, rgb_input=True)
    for shape in ((8, 8, 1), (8, 8)):
        flat = layers.Flatten()
        grey = keras.Sequential([keras.Input(shape), flat, layers.Dense(3, activation="softmax")])
        grey.save(path)
        check_asked(path, rgb_input=True)


@pytest.mark.parametrize("loss", ["mse", "mean_absolute_error", keras.losses.Huber(), keras.losses.mean_squared_error])
def test_a_network_that_was_trained_to_give_amounts_is_no_classifier(loss, tmp_path):
    """One linear unit may be the logit of two classes: what it was compiled with tells."""
    for units, activation, fits in ((1, None, False), (4, None, False), (1, "sigmoid", True), (3, "softmax", True)):
        path = saved(tmp_path / "a.keras", [layers.Dense(units, activation=activation)])
        check_asked(path)
        model = keras.saving.load_model(path)
        model.compile(loss=loss)
        for file in (path, tmp_path / "a.h5"):
            model.save(file)
            if fits:
                check_asked(file)
                continue
            said = r"was trained with the loss \w+ and .* so it gives amounts: expected"
            with pytest.raises(ModelError, match=said):
                check_asked(file)
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.save(path)
    check_asked(path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_network_that_was_trained_to_give_several_labels_at_once_is_refused(suffix, tmp_path):
    """Its units without activation are no logits of one choice; one unit is that of two classes."""
    for units, fits in ((1, True), (4, False)):
        path = saved(tmp_path / "a.keras", [layers.Dense(units)])
        model = keras.saving.load_model(path)
        model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
        model.save(tmp_path / f"b.{suffix}")
        if fits:
            check_asked(tmp_path / f"b.{suffix}")
            continue
        with pytest.raises(
            ModelError, match="loss BinaryCrossentropy, so each of its 4 units is a yes or no of its own"
        ):
            check_asked(tmp_path / f"b.{suffix}")
