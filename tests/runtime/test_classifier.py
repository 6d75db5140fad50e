import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import cnnedge
from cnnedge.errors import ImageError, ModelError
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.runtime.classifier import BATCH, Classifier, Prediction
from tests.support import models
from tests.support.labelled_files import PASSPORT


@pytest.fixture
def colours(tmp_path):
    path = tmp_path / "colours.onnx"
    path.write_bytes(models.with_passport(models.colours_onnx()))
    with Classifier(path) as classifier:
        yield classifier


@pytest.fixture
def digits_path(tmp_path):
    path = tmp_path / "digits_int8.tflite"
    path.write_bytes(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    return path


def test_classifier_is_the_packages_own_name():
    assert cnnedge.Classifier is Classifier
    assert cnnedge.Prediction is Prediction


def test_best_first_with_the_passports_labels(colours):
    picture = models.colour_picture("green")
    found = colours.predict(picture)
    expected = models.colours_answer(picture[None])[0]
    assert [prediction.label for prediction in found] == ["green", "red", "blue"]  # equal scores keep their order
    assert [prediction.index for prediction in found] == [1, 0, 2]
    assert [prediction.score for prediction in found] == pytest.approx(expected[[1, 0, 2]], abs=1e-6)


def test_top_cuts_the_list(colours):
    assert len(colours.predict(models.colour_picture("red"), top=2)) == 2
    assert len(colours.predict(models.colour_picture("red"), top=99)) == 3
    with pytest.raises(ValueError, match="top is 0, expected at least 1"):
        colours.predict(models.colour_picture("red"), top=0)


def test_pictures_of_any_size_from_any_source(colours, tmp_path):
    path = tmp_path / "blue.png"
    picture = Image.fromarray(models.colour_picture("blue", (50, 31)))
    picture.save(path)
    for source in (path, str(path), path.read_bytes(), picture, np.asarray(picture)):
        assert colours.predict(source, top=1)[0].label == "blue"


def test_real_digits_from_files(digits_path, tmp_path):
    images, labels = models.digits("test")
    with Classifier(digits_path) as classifier:
        right = 0
        for index in range(50):
            Image.fromarray(images[index, ..., 0]).save(tmp_path / "digit.png")
            right += classifier.predict(tmp_path / "digit.png", top=1)[0].index == labels[index]
    assert right >= 40  # Keras is right on about nine tenths


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_keep_their_order_and_agree_with_single_images(digits_path, workers):
    images = list(models.digits("test")[0][: 3 * BATCH + 7])
    with Classifier(digits_path) as classifier:
        singly = [classifier.predict(image) for image in images]
        assert list(classifier.predict_batch(iter(images), workers=workers)) == singly


def test_batches_are_read_as_they_are_used(colours):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield models.colour_picture("red")

    others = threading.active_count()
    found = colours.predict_batch(endless(), workers=2)
    assert [next(found)[0].label for _ in range(100)] == ["red"] * 100
    # At most the block in hand, those in the two workers and one more wait at any time.
    assert taken <= 100 + 5 * BATCH
    found.close()
    assert threading.active_count() == others


def test_images_before_a_bad_one_still_come_out(colours):
    images = [models.colour_picture("red")] * (BATCH + 3) + [np.zeros((4, 4), np.float64)]
    found = []
    with pytest.raises(ImageError, match="float64"):
        for predictions in colours.predict_batch(images):
            found.append(predictions[0].label)
    assert found == ["red"] * (BATCH + 3)


def test_workers_below_one(colours):
    with pytest.raises(ValueError, match="workers is 0, expected at least 1"):
        colours.predict_batch([], workers=0)


def test_file_of_another_tool_gets_numbers_for_labels(tmp_path):
    path = tmp_path / "theirs.tflite"
    path.write_bytes(models.digits_tflite())
    with Classifier(path) as classifier:
        assert not classifier.has_passport
        assert classifier.labels == tuple("0123456789")


def test_labels_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "colours.onnx"
    path.write_bytes(models.with_passport(models.colours_onnx(), labels=("red", "green")))
    with pytest.raises(ModelError, match="2 labels for 3 classes"):
        Classifier(path)


def test_predicting_loads_no_tensorflow(digits_path):
    program = (
        "import sys, numpy as np, cnnedge\n"
        f"with cnnedge.Classifier({str(digits_path)!r}) as c: c.predict(np.zeros((28, 28), np.uint8))\n"
        "print({'tensorflow', 'keras', 'tf_keras', 'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (child.stdout, child.stderr) == ("set()\n", "")
