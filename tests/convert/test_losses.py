"""Files that lose: marked, explained, in the passport; and files no better than a guess, which are not written."""

import keras
import numpy as np
import pytest

from cnnedge.convert.converter import Converter
from cnnedge.convert.exporting import export
from cnnedge.convert.losses import Loss, loss_of, refuse_guessing
from cnnedge.convert.scheme import Scheme, plan_of
from cnnedge.errors import ConversionError
from cnnedge.formats.model_file import open_model_file
from cnnedge.manifest import read_manifest
from cnnedge.model.keras_file import save_keras
from cnnedge.scoring.score import Score
from cnnedge.training.recipes import Recipe
from tests.support.large_logits import with_large_logits


def scored(right: int, of: int = 100) -> Score:
    """Class 0 said ``right`` times of images that are all of class 0, or class 1."""
    return Score((np.arange(of) >= right).astype(np.int64), np.zeros(of, np.int64))


@pytest.fixture(scope="module")
def done(digits_model, sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    model = with_large_logits(digits_model)
    save_keras(model, folder / "large.keras")
    plan = plan_of(("tflite", "onnx"), ("float32", "int8"))
    converter = Converter(model, sample, Recipe(epochs=1))
    return folder, export(converter, plan, source=folder / "large.keras", name="large", folder=folder, keep_losses=True)


def test_a_loss_is_explained_and_kept_in_the_passport(done):
    folder, exported = done
    assert not exported.failures and set(exported.losses) == {"large_int8.tflite", "large_int8.onnx"}
    loss = exported.losses["large_int8.tflite"]
    entries = read_manifest(folder).files
    ends = (".keras", "_float32.tflite", "_int8.tflite", "_float32.onnx", "_int8.onnx")  # the float32 ones come first
    assert list(entries) == list(exported.entries) == [f"large{end}" for end in ends]
    assert loss.points == pytest.approx(100 * (entries["large.keras"].top1 - entries["large_int8.tflite"].top1))
    assert loss.points > 1 and loss.p_value < 0.05
    # 400 has been added to every logit: their step is more than 400 / 255, and near ties fall together.
    assert "most noise comes from" in loss.cause
    assert loss.advice.startswith("Try --qat, cnnedge search (") and loss.advice.endswith("--precision int16x8,float16")
    assert entries["large_int8.tflite"].loss["points"] == loss.points
    assert open_model_file(folder / "large_int8.tflite").passport.made["loss"]["cause"] == loss.cause
    assert entries["large_float32.onnx"].loss is None


def test_chance_and_a_point_are_no_loss(digits_model):
    scheme, images = Scheme("tflite", "int8"), np.zeros((1, 28, 28, 1), np.uint8)

    def loss(file: int, of: int):
        return loss_of(scheme, b"", scored(file, of), scored(90, of), model=digits_model, images=images)

    # Of 100 images 5 lost and none gained: p = 2 / 2**5 = 0.06; 6: 0.03.
    assert loss(85, 100) is None
    assert loss(84, 100).points == 6 and loss(84, 100).p_value == pytest.approx(2 / 2**6)


def test_a_file_no_better_than_a_guess_is_refused():
    labels = np.arange(100) % 4
    model, guess = Score(labels.copy(), labels), Score(np.zeros(100, np.int64), labels)
    loss = Loss(75.0, 1e-9, cause="most noise comes from head", advice="Try --qat")
    with pytest.raises(
        ConversionError, match=r"25\.00% of .* 100\.00%.*--keep-losses.*; most noise .* head\. Try --qat"
    ):
        refuse_guessing(guess, model, loss)
    refuse_guessing(model, model, None)
    refuse_guessing(guess, guess, None)  # the model itself knows nothing: that is not the file's loss


def test_a_refused_file_names_its_layer_and_a_way_out(digits_model, sample, tmp_path):
    model = with_large_logits(digits_model, 4_000)  # a step of 15, and all logits are within 10
    save_keras(model, tmp_path / "net.keras")
    converter = Converter(model, sample, Recipe(epochs=1))
    plan = plan_of(("tflite",), ("int8",))
    done = export(converter, plan, source=tmp_path / "net.keras", name="net", folder=tmp_path)
    assert list(done.failures) == ["net_int8.tflite"] and not (tmp_path / "net_int8.tflite").exists()
    said = done.failures["net_int8.tflite"]
    assert "--keep-losses writes it); most noise comes from " in said and "Try --qat, cnnedge search (" in said


def test_every_failure_has_its_reason_and_the_others_are_written(digits_model, sample, tmp_path):
    model = keras.models.clone_model(digits_model)
    model.set_weights(digits_model.get_weights())
    save_keras(model, tmp_path / "net.keras")
    converter = Converter(model, sample, Recipe(epochs=1, batch_size=10**9, qat_learning_rate=1.0))
    converter.__dict__["trained"] = None  # what a training that broke leaves: nothing to convert
    plan = plan_of(("tflite",), ("float32", "int8"), qat=True)
    done = export(converter, plan, source=tmp_path / "net.keras", name="net", folder=tmp_path)
    assert list(done.failures) == ["net_int8_qat.tflite"] and done.failures["net_int8_qat.tflite"]
    assert list(read_manifest(tmp_path).files) == ["net.keras", "net_float32.tflite", "net_int8.tflite"]
