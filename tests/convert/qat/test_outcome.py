"""A trained file that is worse than the post-training one is not kept."""

import pytest

from cnnedge.convert.calibration import calibration_pixels
from cnnedge.convert.qat.fine_tune import Trained, Watched
from cnnedge.convert.qat.outcome import outcome_of
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import pixels_of
from cnnedge.model.fold import fold
from cnnedge.model.networks import build_model


@pytest.fixture(scope="module")
def files(digits_model, sample):
    """Of the trained network, and of one that knows nothing: "right" and "wrong"."""
    pixels = calibration_pixels(pixels_of(sample.calibration))
    models = {"right": digits_model, "wrong": build_model("mnist-tiny", seed=5)}
    return {name: convert_tflite(fold(model), precision="int8", pixels=pixels) for name, model in models.items()}


@pytest.mark.parametrize(
    ("qat", "ptq", "kept"), [("right", "wrong", "qat"), ("wrong", "right", "ptq"), ("right", "right", "qat")]
)
def test_the_file_that_agrees_more_is_kept(qat, ptq, kept, files, digits_model, sample):
    state = Watched(step=3, agreement=1.0, loss=0.1)
    trained = Trained(digits_model, state, state, ("odd",))
    images = pixels_of(sample.validation)
    found = outcome_of(trained, {"qat": files[qat], "ptq": files[ptq]}, fold(digits_model), images)
    assert (found.kept, found.images, found.best_step, found.float_layers) == (kept, len(images), 3, ("odd",))
    agreed = {"right": (0.97, 1.0), "wrong": (0.0, 0.4)}  # int8 keeps nearly every answer; guessing has about a tenth
    for name, agreement in ((qat, found.qat_agreement), (ptq, found.ptq_agreement)):
        assert agreed[name][0] <= agreement <= agreed[name][1]
    assert found.to_json()["float_layers"] == ["odd"]
    expected = {"qat": "quantization-aware training leaves in float32: odd", "ptq": "the post-training file is kept"}
    assert len(found.notes()) == 1 and expected[kept] in found.notes()[0]
