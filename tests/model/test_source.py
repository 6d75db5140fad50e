"""Models in the shapes in which people bring them: each read from a file, flat, and equal to what Keras loads.

``expected`` is calculated from the model in memory, before it is saved, by Keras and numpy alone.
"""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.errors import ModelError
from cnnedge.model.fold import fold
from cnnedge.model.preprocessing import NAMED, Preprocessing
from cnnedge.model.source import read_source

# Rebuilding and folding change the order of float32 sums: a few times 2**-24 a layer, below 1e-5 on probabilities.
TOLERANCE = 1e-5


def settled(model, seed=0):
    """Random statistics for every normalization, as after training: fresh ones would hide a lost one."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, value.shape) for value in layer.get_weights()])
    return model


def raw_answers(model, pixels):
    return np.asarray(model(pixels.astype("float32"), training=False), "float64")


def softmax(values):
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def read_back(model, folder, name="theirs.keras", **options):
    model.save(folder / name)
    return read_source(folder / name, **options)


def assert_answers(source, pixels, expected):
    """The flat model and the folded one, against answers calculated outside."""
    for model in (source.model, fold(source.model)):
        found = np.asarray(model(pixels.astype("float32"), training=False))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < TOLERANCE


def backbone(shape=(16, 16, 3)):
    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, use_bias=False, name="conv")(image)
    return keras.Model(image, layers.ReLU(6.0)(layers.BatchNormalization()(x)), name="backbone")


def transfer_learning():
    """TensorFlow's transfer learning guide: augmentation nested, operations, a nested base, one logit."""
    augmentation = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])
    image = keras.Input((16, 16, 3))
    x = keras.applications.mobilenet_v2.preprocess_input(augmentation(image))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(backbone()(x, training=False)))
    return settled(keras.Model(image, layers.Dense(1)(x)))


def test_transfer_learning_guide(tmp_path, pixels):
    model = transfer_learning()
    source = read_back(model, tmp_path)
    p = 1 / (1 + np.exp(-raw_answers(model, pixels)))
    assert_answers(source, pixels, np.concatenate([1 - p, p], axis=1))
    assert [note.split(":")[0] for note in source.notes] == [
        "augmentation does nothing at inference and was left out",
        "it gives one number without activation, taken for the logit of p",
    ]
    assert [type(part).__name__ for part in fold(source.model).operations] == [
        "InputLayer", "Conv2D", "ReLU", "GlobalAveragePooling2D", "Dense", "Softmax",
    ]  # fmt: skip


def test_image_classification_tutorial(tmp_path, pixels):
    """TensorFlow's image classification tutorial: a Sequential in a Sequential, logits."""
    model = keras.Sequential([
        keras.Sequential([keras.Input((16, 16, 3)), layers.RandomFlip(), layers.RandomZoom(0.1)]),
        layers.Rescaling(1 / 255), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(5, name="outputs"),
    ])  # fmt: skip
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, softmax(raw_answers(model, pixels)))
    assert source.notes[-1] == "it gives 5 numbers without activation, taken for logits: a softmax was put behind them"


@pytest.mark.parametrize("form", ["functional", "sequential"])
def test_an_adapted_normalization_keeps_its_mean_and_variance(form, tmp_path, pixels):
    keras.utils.set_random_seed(3)
    normalization = layers.Normalization()
    normalization.adapt(pixels.astype("float32"))
    rest = [layers.Conv2D(4, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((16, 16, 3)), normalization, *rest])
    if form == "functional":
        image = keras.Input((16, 16, 3))
        model = keras.Model(image, rest[2](rest[1](rest[0](normalization(image)))))
    expected = raw_answers(model, pixels)
    assert expected.max() - expected.min() > 0.05
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, expected)
    assert [type(part).__name__ for part in fold(source.model).operations][:3] == ["InputLayer", "Rescaling", "Conv2D"]


def test_operations_shared_layers_and_names_of_ours(tmp_path, pixels):
    image = keras.Input((16, 16, 3), name="pixels")
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="logits")
    x = shared(shared(image / 255.0 - 0.5))
    x = keras.ops.relu(layers.BatchNormalization(name="image")(x)) + x
    x = layers.GlobalAveragePooling2D(name="probabilities")(x)
    model = settled(keras.Model(image, keras.ops.softmax(layers.Dense(4, name="groups")(x))))
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, raw_answers(model, pixels))
    assert [type(part).__name__ for part in source.model.operations if not isinstance(part, keras.Layer)] == []


def test_rgb_to_bgr_goes_into_the_first_convolution(tmp_path, pixels):
    image = keras.Input((16, 16, 3))
    x = layers.ZeroPadding2D(1)(keras.applications.resnet50.preprocess_input(image))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3)(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, raw_answers(model, pixels))
    assert "GetItem" not in {type(part).__name__ for part in fold(source.model).operations}


@pytest.mark.parametrize("head", ["dense", "activation", "operation"])
def test_one_sigmoid_unit_becomes_two_classes(head, tmp_path, pixels):
    image = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(image / 255)
    logit = layers.Dense(1, activation="sigmoid" if head == "dense" else None)(x)
    ends = {"dense": lambda x: x, "activation": layers.Activation("sigmoid"), "operation": keras.ops.sigmoid}
    model = keras.Model(image, ends[head](logit))
    p = raw_answers(model, pixels)
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, np.concatenate([1 - p, p], axis=1))
    assert source.reference.head == "sigmoid"


def test_convolution_as_head(tmp_path, pixels):
    image = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D(keepdims=True)(image / 255)
    model = keras.Model(image, layers.Flatten()(layers.Conv2D(4, 1, activation="softmax")(x)))
    assert_answers(read_back(model, tmp_path), pixels, raw_answers(model, pixels))


@pytest.mark.parametrize(
    "units, activation, complaint",
    [
        (3, "sigmoid", "3 sigmoid units, each a yes or no of its own"),
        (1, "softmax", "one softmax unit, which is always 1"),
        (3, "relu", "ends in the activation relu"),
    ],
)
def test_heads_that_give_no_classes_are_refused(units, activation, complaint, tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Dense(units, activation=activation)(layers.Flatten()(image)))
    with pytest.raises(ModelError, match=complaint):
        read_back(model, tmp_path)


def small(image, **options):
    x = layers.Conv2D(4, 3, activation="relu")(image)
    return keras.Model(image, layers.Dense(3, activation="softmax", **options)(layers.GlobalAveragePooling2D()(x)))


def test_any_size_takes_the_size_that_is_asked_for(tmp_path, pixels):
    model = small(keras.Input((None, None, 3)))
    source = read_back(model, tmp_path, input_size=16)
    assert source.model.input_shape == (None, 16, 16, 3)
    assert_answers(source, pixels, raw_answers(model, pixels))


def test_a_fixed_batch_becomes_free(tmp_path, pixels):
    model = small(keras.Input((16, 16, 3), batch_size=4))
    # Of five pictures at least one batch is not full.
    expected = np.concatenate([raw_answers(model, pixels[:4]), raw_answers(model, pixels[1:5])[-1:]])
    source = read_back(model, tmp_path)
    assert_answers(source, pixels[:5], expected)
    assert np.abs(source.reference(pixels[:5].astype("float32")) - expected).max() < TOLERANCE


def test_a_picture_without_channels(tmp_path):
    """TensorFlow's beginner quickstart: Input (28, 28)."""
    model = keras.Sequential([keras.Input((12, 12)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(4)])
    grey = np.random.default_rng(1).integers(0, 256, (5, 12, 12, 1))
    source = read_back(model, tmp_path)
    assert source.model.input_shape == (None, 12, 12, 1)
    assert_answers(source, grey, softmax(raw_answers(model, grey[..., 0])))


def test_an_input_by_name(tmp_path, pixels):
    image = keras.Input((16, 16, 3), name="photo")
    plain = small(image)
    model = keras.Model({"photo": image}, {"answer": plain.output})
    assert_answers(read_back(model, tmp_path), pixels, raw_answers(plain, pixels))


def test_float16_arithmetic_becomes_float32(tmp_path, pixels):
    policy = keras.DTypePolicy("mixed_float16")
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", dtype=policy)(layers.Rescaling(1 / 255, dtype=policy)(image))
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax", dtype=policy)(x))
    source = read_back(model, tmp_path)
    assert {layer.compute_dtype for layer in source.model.layers} == {"float32"}
    # float16 has 11 bits: the original's own probabilities are right to some 1e-3.
    assert np.abs(source.reference(pixels.astype("float32")) - raw_answers(source.model, pixels)).max() < 5e-3
    assert "it computes in float16; its weights were taken as float32" in source.notes


@pytest.mark.parametrize(
    "preprocessing", [*NAMED.values(), Preprocessing(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))], ids=[*NAMED, "own"]
)
def test_declared_preprocessing_is_put_inside(preprocessing, tmp_path, pixels):
    model = small(keras.Input((16, 16, 3)))
    source = read_back(model, tmp_path, preprocessing=preprocessing)
    fed = {
        NAMED["0..1"]: lambda x: x / 255,
        NAMED["tf"]: lambda x: x / 127.5 - 1,
        NAMED["torch"]: lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        NAMED["caffe"]: lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
        NAMED["bgr"]: lambda x: x[..., ::-1],
    }.get(preprocessing, lambda x: (x - [1, 2, 3]) / [4, 5, 6])(pixels.astype("float64"))
    assert_answers(source, pixels, raw_answers(model, fed))
    assert [type(part).__name__ for part in fold(source.model).operations][:2] == ["InputLayer", "Conv2D"]


def test_layers_of_every_kind_that_folds(tmp_path, pixels):
    model = keras.Sequential([
        keras.Input((16, 16, 3)), layers.Rescaling([1 / 255, 1 / 99, 0.01], [0.1, 0.2, -0.3]),
        layers.Conv2D(8, 3, activation=layers.LeakyReLU(negative_slope=0.1)), layers.BatchNormalization(),
        layers.SeparableConv2D(6, 3, depth_multiplier=2, activation="swish"), layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, depth_multiplier=2), layers.BatchNormalization(), layers.ReLU(6.0),
        layers.Conv2DTranspose(8, 3, use_bias=False), layers.BatchNormalization(),
        layers.Conv2D(8, 3, groups=4), layers.BatchNormalization(), layers.Activation("relu"),
        layers.BatchNormalization(), layers.Conv2D(8, 1, groups=2, padding="same"), layers.BatchNormalization(),
        layers.Flatten(), layers.BatchNormalization(), layers.Dense(5), layers.Dense(4, activation="softmax"),
    ])  # fmt: skip
    settled(model)
    source = read_back(model, tmp_path)
    assert_answers(source, pixels, raw_answers(model, pixels))
    kinds = [type(part).__name__ for part in fold(source.model).operations]
    # One stays: behind it a convolution pads with zeros that would have needed its offset.
    assert kinds.count("BatchNormalization") == 0 and kinds.count("Rescaling") == 0
    assert "SeparableConv2D" not in kinds and kinds.count("DepthwiseConv2D") == 2


def test_a_size_that_the_layers_cannot_take_is_refused_in_a_line(tmp_path):
    image = keras.Input((None, None, 3))
    x = layers.MaxPooling2D(4)(layers.MaxPooling2D(4)(image))
    keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))).save(
        tmp_path / "deep.keras"
    )
    with pytest.raises(ModelError, match=r"its layers cannot take images \(8, 8\): choose another --input-size"):
        read_source(tmp_path / "deep.keras", input_size=8)
    assert read_source(tmp_path / "deep.keras", input_size=16).model.input_shape == (None, 16, 16, 3)
