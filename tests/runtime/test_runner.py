import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Ends, Place, Runner, TensorSpec
from tests.support import models

QUANTIZED = [("int8", "uint8"), ("int8", "int8"), ("int16x8", "int16"), ("int8", "float32")]


def test_float_tflite_agrees_with_keras():
    images, _ = models.digits("test")
    with open_runner(models.digits_tflite("float32"), format="tflite") as runner:
        found = runner.predict(images)
    expected = models.digits_keras().predict(images.astype("float32"), verbose=0)
    # Same weights, same float32 arithmetic in another order: a sum of n terms may differ by n * 2**-24 of its size.
    # The longest sum has 288 terms, and logits reach about 20; the softmax's slope is at most 1/4.
    assert np.abs(found - expected).max() < 288 * 2**-24 * 20


@pytest.mark.parametrize(("precision", "io"), QUANTIZED, ids=lambda value: value)
def test_quantized_tflite_is_fed_by_its_own_scale(precision, io):
    images, _ = models.digits("test")
    with open_runner(models.digits_tflite(precision, io), format="tflite") as runner:
        assert runner.input.dtype == runner.output.dtype == io
        scores = runner.predict(images)
    expected = models.digits_keras().predict(images.astype("float32"), verbose=0)
    margin = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2]
    # Where Keras is sure by 0.5, the two best logits differ by more than 1, some 8 steps of an int8 logit (range of
    # about 40 in 256 steps); a wrong scale or zero point of the input gets nearly all of them wrong.
    sure = margin > 0.5
    assert sure.mean() > 0.5
    assert (scores.argmax(axis=1) == expected.argmax(axis=1))[sure].mean() > 0.99
    assert scores.dtype == np.float32
    assert np.abs(scores.sum(axis=1) - 1).max() < 10 / 256  # each of ten values is rounded to 1/256


def test_pixels_go_unchanged_into_a_uint8_file():
    images, _ = models.digits("test")
    with open_runner(models.digits_tflite("int8", "uint8"), format="tflite") as runner:
        assert (runner.input.scale, runner.input.zero_point) == (1.0, 0)
        assert np.shares_memory(runner.prepare(images[:3]), images)


def test_int8_input_is_the_pixel_minus_128():
    pixels = np.arange(256, dtype=np.uint8)
    images = np.resize(pixels, (1, 28, 28, 1))
    with open_runner(models.digits_tflite("int8", "int8"), format="tflite") as runner:
        assert (runner.prepare(images) == images.astype(int) - 128).all()


def test_int16_input_is_the_pixel_by_the_scale():
    images = np.resize(np.arange(256, dtype=np.uint8), (1, 28, 28, 1))
    with open_runner(models.digits_tflite("int16x8", "int16"), format="tflite") as runner:
        values = runner.prepare(images) * runner.input.scale
    assert np.abs(values - images).max() <= runner.input.scale  # half a step, and the clip at 32767


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("batch", [None, 1])
def test_onnx_gives_the_answer_worked_out_by_hand(dtype, layout, batch):
    images = np.random.default_rng(0).integers(0, 256, (301, 4, 4, 3), np.uint8)
    with open_runner(models.colours_onnx(dtype=dtype, layout=layout, batch=batch), format="onnx") as runner:
        assert runner.input_shape == (4, 4, 3)
        assert runner.free_batch is (batch is None)
        scores = runner.predict(images)
    # float32 against float64: means of 16 values, an exponent of at most 8, three exponentials.
    assert np.abs(scores - models.colours_answer(images)).max() < 1e-5


def test_any_number_of_images_including_none():
    with open_runner(models.digits_tflite(), format="tflite") as runner:
        assert runner.predict(np.zeros((0, 28, 28, 1), np.uint8)).shape == (0, 10)
        images, _ = models.digits("test")
        one_by_one = np.concatenate([runner.predict(images[index : index + 1]) for index in range(260)])
        assert (runner.predict(images[:260]) == one_by_one).all()


def test_facts_of_an_opened_file(tmp_path):
    path = tmp_path / "digits_int8.tflite"
    path.write_bytes(models.digits_tflite())
    with open_runner(path, num_threads=2) as runner:
        assert (runner.name, runner.format, runner.device) == ("digits_int8.tflite", "tflite", "cpu")
        assert runner.runtime.startswith("LiteRT 2.")
        assert (runner.num_threads, runner.num_classes, runner.input_shape) == (2, 10, (28, 28, 1))


def test_two_threads_give_the_same_answers():
    images, _ = models.digits("test")
    with (
        open_runner(models.digits_tflite(), format="tflite") as one,
        open_runner(models.digits_tflite(), format="tflite", num_threads=2) as two,
    ):
        assert (one.predict(images) == two.predict(images)).all()


@pytest.mark.parametrize(
    "images",
    [np.zeros((1, 28, 28, 1), np.float32), np.zeros((1, 28, 28, 3), np.uint8), np.zeros((28, 28), np.uint8)],
    ids=["float", "colour", "no batch"],
)
def test_images_that_are_not_decoded_are_refused(images):
    with (
        open_runner(models.digits_tflite(), format="tflite") as runner,
        pytest.raises(ValueError, match=r"expected uint8 \(N, 28, 28, 1\)"),
    ):
        runner.prepare(images)


def test_opening_says_nothing_on_standard_error(capfd):
    open_runner(models.digits_tflite(), format="tflite").close()
    open_runner(models.colours_onnx(), format="onnx").close()
    assert capfd.readouterr() == ("", "")


def test_unknown_formats_absent_files_and_no_threads(tmp_path):
    with pytest.raises(ModelError, match=r"format 'h5', expected a \.tflite or \.onnx file"):
        open_runner(tmp_path / "model.h5")
    with pytest.raises(ModelError, match="No such file or directory"):
        open_runner(tmp_path / "model.tflite")
    with pytest.raises(ValueError, match="num_threads is 0, expected at least 1"):
        open_runner(models.digits_tflite(), format="tflite", num_threads=0)


class Shapes(Runner):
    """A Runner of given tensors, to see which of them are refused."""

    def __init__(self, input: TensorSpec, output: TensorSpec) -> None:
        super().__init__("model.tflite", "tflite", Ends(input, output), Place("none"))

    def run(self, batch):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError


IMAGE, CLASSES = TensorSpec("image", (1, 8, 8, 3), "float32"), TensorSpec("probabilities", (1, 5), "float32")


@pytest.mark.parametrize(
    ("input", "output", "message"),
    [
        (TensorSpec("image", (1, 8, 8, 4), "float32"), CLASSES, r"shape \(1, 8, 8, 4\), expected one image"),
        (TensorSpec("image", (2, 8, 8, 3), "float32"), CLASSES, r"shape \(2, 8, 8, 3\)"),
        (TensorSpec("image", (1, None, None, 3), "float32"), CLASSES, "expected one image"),
        (TensorSpec("words", (1, 128), "int32"), CLASSES, "expected one image"),
        (TensorSpec("image", (1, 8, 8, 3), "int8"), CLASSES, "is int8 with scale 0"),
        (TensorSpec("image", (1, 8, 8, 3), "float16"), CLASSES, "is float16"),
        (TensorSpec("image", (1, 8, 8, 3), "int8", 1 / 255, -128), CLASSES, "reaches 1 only, expected pixels"),
        (IMAGE, TensorSpec("boxes", (1, 10, 4), "float32"), r"shape \(1, 10, 4\), expected \(1, classes\)"),
        (IMAGE, TensorSpec("probabilities", (1, 5), "uint8"), "is uint8 with scale 0"),
        (IMAGE, TensorSpec("index", (1, 5), "int64"), "is int64"),
    ],
)
def test_tensors_of_something_else_are_refused(input, output, message):
    with pytest.raises(ModelError, match=message):
        Shapes(input, output)


def test_classes_may_stand_in_an_output_of_four_sizes():
    assert Shapes(IMAGE, TensorSpec("probabilities", (1, 1, 1, 5), "float32")).num_classes == 5
