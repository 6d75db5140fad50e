"""Per-layer quantization noise: of real files, against answers worked out another way, and of errors put there."""

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from cnnedge.convert.calibration import calibration_pixels, spanning
from cnnedge.convert.integer_forms import integer_forms
from cnnedge.convert.layer_errors.compare import layer_errors
from cnnedge.convert.layer_errors.decibels import sqnr_db
from cnnedge.convert.qat.fine_tune import Images, Schedule, quantization_aware_train
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.errors import DataError, ModelError
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import fold
from cnnedge.model.networks import build_model
from cnnedge.runtime.opening import open_runner

IMAGES = 30
NAMES = ["conv1", "conv2", "pool1", "conv3", "conv4", "pool2", "conv5", "pool3", "logits", "probabilities"]
WEIGHTED = ["conv1", "conv2", "conv3", "conv4", "conv5", "logits"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def images(sample):
    return pixels_of(sample.validation, IMAGES)


@pytest.fixture(scope="module")
def files(folder, digits_model, sample) -> dict[str, Path]:
    """The digits model in every precision."""
    folded, pixels = fold(digits_model), calibration_pixels(pixels_of(sample.calibration))
    made = {
        f"{precision}.tflite": convert_tflite(folded, precision=precision, pixels=pixels)
        for precision in ("float32", "float16", "int8", "int16x8")
    }
    made["float32.onnx"] = convert_onnx_float32(made["float32.tflite"])
    made["int8.onnx"] = convert_onnx_int8(made["int8.tflite"])
    return {name: write(folder / name, content) for name, content in made.items()}


@pytest.fixture(scope="module")
def rows(files, digits_model, images):
    """By file and layer, what each loses."""
    return {name: by_layer(layer_errors(file, digits_model, images)) for name, file in files.items()}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def by_layer(found):
    return {row.layer: row for row in found}


def decibels(signal: np.ndarray, other: np.ndarray) -> float:
    """The definition, written out."""
    return 10 * np.log10(np.sum(signal**2) / np.sum((signal - other) ** 2))


@pytest.mark.parametrize("name", ["float32.tflite", "float16.tflite", "int8.tflite", "int16x8.tflite", "int8.onnx"])
def test_every_layer_has_a_row_under_its_keras_name(rows, name):
    network = sorted(rows[name].values(), key=lambda row: row.position)
    assert [row.layer for row in network] == NAMES
    assert [row.layer for row in network if row.kind in ("Conv2D", "Dense")] == WEIGHTED


def test_what_all_logits_have_in_common_is_no_signal(rows, digits_model, images):
    folded = fold(digits_model)
    found = np.asarray(keras.Model(folded.inputs, folded.get_layer("logits").output)(images.astype("float32")))
    apart = found - found.mean(axis=1, keepdims=True)
    assert rows["int8.tflite"]["logits"].signal_rms == pytest.approx(np.sqrt(np.mean(apart**2)), rel=1e-4)
    assert np.sqrt(np.mean(found**2)) > 1.01 * np.sqrt(np.mean(apart**2))


@pytest.mark.parametrize("name", ["int8.tflite", "int8.onnx", "float16.tflite"])
def test_worst_layer_comes_first_and_layers_without_error_last(files, digits_model, images, name):
    own = [row.own_sqnr_db for row in layer_errors(files[name], digits_model, images)]
    assert own == sorted(own, key=lambda value: np.inf if value is None else value)


def test_of_the_last_layer_it_is_what_predictions_say(rows, files, digits_model, images):
    expected = digits_model.predict(images.astype("float32"), verbose=0).astype("float64")
    with open_runner(files["float16.tflite"]) as runner:
        found = runner.predict(images)
    # The runner computes on XNNPACK: another order of float32 sums, 2**-24 where the weights are off by 2**-12.
    assert rows["float16.tflite"]["probabilities"].sqnr_db == pytest.approx(decibels(expected, found), abs=0.1)


@pytest.mark.parametrize("name", ["float32.tflite", "float32.onnx"])
def test_float32_files_lose_nothing(rows, name):
    # Sums of 144 products in another order: at most 144 x 2**-24 of their size, 101 dB.
    assert all(row.sqnr_db is None or row.sqnr_db > 100 for row in rows[name].values())
    assert {row.saturated for row in rows[name].values()} == {None}


def test_float16_is_far_above_int8(rows):
    half = rows["float16.tflite"]
    # 11 bits of precision: off by at most 2**-11 of a weight, 66 dB.
    assert all(half[name].weight_sqnr_db > 66 for name in WEIGHTED)
    assert all(half[name].sqnr_db > rows["int8.tflite"][name].sqnr_db + 15 for name in NAMES)


def test_int8_noise_is_that_of_eight_bits(rows):
    """A step of range/255 rounds by step/sqrt(12), 59 dB below the range; signals lie 10 to 25 dB below it too."""
    assert all(20 < rows["int8.tflite"][name].own_sqnr_db < 59 for name in WEIGHTED)
    assert all(20 < rows["int8.tflite"][name].sqnr_db < 59 for name in NAMES)


def test_int16x8_is_better_than_int8_in_every_layer_with_the_same_weights(rows):
    wide, narrow = rows["int16x8.tflite"], rows["int8.tflite"]
    for name in WEIGHTED:
        assert wide[name].weight_sqnr_db == pytest.approx(narrow[name].weight_sqnr_db)
        assert wide[name].own_sqnr_db > narrow[name].own_sqnr_db
        assert wide[name].sqnr_db > narrow[name].sqnr_db


def test_pooling_of_codes_is_exact_and_passes_noise_on(rows):
    for name in ("pool1", "pool2", "pool3"):
        row = rows["int8.tflite"][name]
        assert row.own_sqnr_db is None and row.weight_sqnr_db is None and row.sqnr_db < 59


def test_seven_bit_weights_of_onnx_are_one_bit_noisier(rows):
    for name in WEIGHTED:
        lost = rows["int8.tflite"][name].weight_sqnr_db - rows["int8.onnx"][name].weight_sqnr_db
        # 127 levels become 63: 20 log10(127/63) = 6.1 dB; the second rounding, of rounded values, adds a fifth (1 dB).
        assert 4.5 < lost < 8.5


def test_qat_files_agree_between_the_formats(digits_model, sample, folder, images):
    batches = [images.astype("float32") for images, _ in sample.train.take(range(500)).batches(50)]
    looks = Images(batches.__getitem__, calibration_pixels(pixels_of(sample.calibration)), pixels_of(sample.validation))
    trained = quantization_aware_train(fold(digits_model), looks, schedule=Schedule(10, 1e-4))
    tflite = convert_tflite(trained.model, precision="int8", fake_quantized=True)
    one = by_layer(layer_errors(write(folder / "qat.tflite", tflite), digits_model, images))
    two = by_layer(layer_errors(write(folder / "qat.onnx", convert_onnx_int8(tflite)), digits_model, images))
    for name in NAMES[:-1]:  # the softmax is integer in one and float in the other
        # The same weights and scales. Rounding differs near ties only, where both roundings are off by half a step:
        # the noise keeps its size, but for what a code more or less means to the layers behind.
        assert two[name].sqnr_db == pytest.approx(one[name].sqnr_db, abs=0.3)
        assert (two[name].weight_sqnr_db or 0) == pytest.approx(one[name].weight_sqnr_db or 0, abs=0.01)


def test_layer_with_coarse_weights_is_the_worst(digits_model, sample, files, folder, images, rows):
    folded = fold(digits_model)
    kernel, bias = folded.get_layer("conv3").get_weights()
    step = np.abs(kernel).max() / 3
    coarse = np.round(kernel / step) * step
    folded.get_layer("conv3").set_weights([coarse, bias])
    pixels = calibration_pixels(pixels_of(sample.calibration))
    file = write(folder / "coarse.tflite", convert_tflite(folded, precision="int8", pixels=pixels))
    found = layer_errors(file, digits_model, images)
    assert found[0].layer == "conv3"
    # The file's own rounding, 40 dB and more, vanishes beside that of seven levels.
    assert found[0].weight_sqnr_db == pytest.approx(decibels(kernel, coarse), abs=0.1)
    # What comes after carries the noise but adds no more than before (3 dB: twice the noise power).
    behind, clean = by_layer(found)["conv4"], rows["int8.tflite"]["conv4"]
    assert behind.sqnr_db < clean.sqnr_db - 10
    assert behind.own_sqnr_db == pytest.approx(clean.own_sqnr_db, abs=3)


def test_range_clipped_by_dim_calibration_images_shows_as_saturated_codes(digits_model, sample, folder, images, rows):
    dim = spanning(np.floor(pixels_of(sample.calibration) / 4).astype("float32"))
    file = write(folder / "dim.tflite", convert_tflite(fold(digits_model), precision="int8", pixels=dim))
    found = layer_errors(file, digits_model, images)
    # Outputs up to four times as large as any that calibration saw.
    assert found[0].saturated > 0.01 and found[0].own_sqnr_db < 20
    cut = [row for row in found if row.kind == "Conv2D" and row.saturated > 0.01]
    assert cut and all(row.mean_error < 0 for row in cut)  # after a ReLU only the top can be cut off
    clean = [row.saturated for row in rows["int8.tflite"].values() if row.saturated is not None]
    assert max(clean) < 0.01


def test_file_of_another_training_is_refused(files, images):
    with pytest.raises(ModelError, match=r"int8\.tflite: the weights of conv1 in it are not those of the Keras model"):
        layer_errors(files["int8.tflite"], build_model("mnist-tiny", seed=7), images)


def digits_network(*inner) -> keras.Model:
    image = x = keras.Input((28, 28, 1))
    for layer in inner:
        x = layer(x)
    head = layers.Dense(10, activation="softmax", kernel_initializer=keras.initializers.HeNormal(seed=5))
    return keras.Model(image, head(layers.Flatten()(x)))


@pytest.mark.parametrize("name", ["int8.tflite", "int8.onnx"])
def test_file_of_another_network_is_refused_with_the_place(files, images, name):
    with pytest.raises(ModelError, match=rf"{name}: no layer in it is wide of the Keras model \(Conv2D, output \(28, "):
        layer_errors(files[name], digits_network(layers.Conv2D(9, 3, padding="same", name="wide")), images)


def test_file_with_a_layer_too_many_is_refused(folder, images):
    content = convert_tflite(digits_network(layers.MaxPooling2D(), layers.Softmax()), precision="float32")
    shorter = digits_network(layers.MaxPooling2D())
    with pytest.raises(ModelError, match=r"operator \d \(SOFTMAX\) in it is no layer of the Keras model"):
        layer_errors(write(folder / "longer.tflite", content), shorter, images)


def test_scale_that_is_calculated_is_refused(files, folder, digits_model, images):
    model = onnx.load(files["int8.onnx"])
    quantize = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
    model.graph.node.insert(0, onnx.helper.make_node("Identity", [quantize.input[1]], ["calculated"]))
    quantize.input[1] = "calculated"
    with pytest.raises(ModelError, match=r"odd\.onnx: 'calculated', a scale or zero point, is calculated"):
        layer_errors(write(folder / "odd.onnx", model.SerializeToString()), digits_model, images)


def test_model_with_another_input_is_refused(files, residual_model, pixels):
    with pytest.raises(ModelError, match=r"it takes images \(28, 28, 1\) and gives 10 classes, the Keras model takes"):
        layer_errors(files["int8.tflite"], residual_model, pixels)


@pytest.mark.parametrize("wrong", [np.zeros((0, 28, 28, 1), "uint8"), np.zeros((1, 32, 32, 3), "uint8")])
def test_images_are_checked(files, digits_model, wrong):
    with pytest.raises(DataError, match=r"expected at least one, uint8 \(28, 28, 1\)"):
        layer_errors(files["int8.tflite"], digits_model, wrong)


def test_ratio_in_decibels():
    assert sqnr_db(100.0, 1.0) == pytest.approx(20)
    assert sqnr_db(1.0, 0.0) is None
    assert np.isfinite(sqnr_db(0.0, 1.0))


def test_layers_around_tables_and_spread_channels_lose_in_onnx_what_they_lose_in_tflite(folder, sample, images):
    """What is looked up in a table, or spread over pixels, has other axes in between, which are not the image's."""
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1), name="image")
    one = layers.Activation("elu")(layers.Conv2D(6, 3, strides=4, padding="same", name="one")(image))
    two = layers.Activation("elu")(layers.Conv2D(6, 3, padding="same", name="two")(one))
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same")(layers.Add(name="sum")([one, two]))
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu", name="three")(x))
    model = keras.Model(image, layers.Softmax(name="probabilities")(layers.Dense(10, name="logits")(x)))
    int8 = convert_tflite(model, precision="int8", pixels=calibration_pixels(pixels_of(sample.calibration)))
    tflite = by_layer(layer_errors(write(folder / "net.tflite", int8), model, images))
    found = by_layer(layer_errors(write(folder / "net.onnx", convert_onnx_int8(int8)), model, images))
    assert set(found) == set(tflite) == {"one", "two", "sum", "three", "logits", "probabilities"}
    for name in ("one", "two", "sum", "three"):
        # The weights lose their eighth bit: at most 6 dB.
        assert abs(found[name].sqnr_db - tflite[name].sqnr_db) < 6 and found[name].sqnr_db > 20, name


def test_a_dense_layer_on_a_sequence_is_one_of_its_rows(images):
    """And its mean over the places is found in every format."""
    keras.utils.set_random_seed(3)
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(12, activation="relu", name="rows")(layers.Reshape((169, 8))(x))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    model = keras.Model(image, layers.Dense(4, activation="softmax")(x))
    pixels, folded = images.astype("float32"), fold(model)
    tflite = {name: convert_tflite(folded, precision=name, pixels=pixels) for name in ("float32", "int8")}
    made = [(tflite["float32"], "tflite"), (tflite["int8"], "tflite"),
            (convert_onnx_float32(tflite["float32"]), "onnx"), (convert_onnx_int8(tflite["int8"]), "onnx")]  # fmt: skip
    for content, format in made:
        found = by_layer(layer_errors(open_model_file(content, format), model, images))
        assert {"rows", "mean", "logits", "probabilities"} <= set(found)
        assert all(row.sqnr_db is None or row.sqnr_db > 25 for row in found.values())


def test_activations_that_are_made_of_sums_have_no_row_and_take_none(images):
    """A file adds the two sides of an ELU and the parts of a selu; the sum of the network is another one."""
    keras.utils.set_random_seed(4)
    image = keras.Input((28, 28, 1))
    first = layers.ELU(0.4)(layers.Conv2D(8, 3, strides=2)(layers.Rescaling(1 / 255)(image)))
    x = layers.Add(name="sum")([layers.Conv2D(8, 1, activation="selu")(first), first])
    model = keras.Model(image, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    content = convert_tflite(integer_forms(fold(model)), precision="int8", pixels=images.astype("float32"))
    for made, format in ((content, "tflite"), (convert_onnx_int8(content), "onnx")):
        assert by_layer(layer_errors(open_model_file(made, format), model, images))["sum"].sqnr_db > 20
