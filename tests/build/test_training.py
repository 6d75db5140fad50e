"""Training on slices of the MNIST sample: what it learns, what it leaves behind, and how it is taken up again."""

import csv
import dataclasses
import json
import math

import keras
import numpy as np
import pytest

from cnnedge.build import checkpoint, training
from cnnedge.build.batches import AugmentedBatches
from cnnedge.build.distillation import ProbabilityDistillation
from cnnedge.build.kerasfile import load_keras, save_keras
from cnnedge.build.models import build_model
from cnnedge.build.recipes import Augmentation, Recipe
from cnnedge.build.start import starting_network
from cnnedge.errors import CnnedgeError, DataError, FileExistsRefusal, ModelError, UsageError

# 25 steps an epoch on the 800 training images; the average looks back 10 steps.
RECIPE = Recipe(epochs=4, batch_size=32, ema_momentum=0.9, augmentation=Augmentation(shift=1))
STEPS = 25


@pytest.fixture(scope="module")
def unseen_test(sample):
    """The sample without its test split: whoever touches it fails."""
    return dataclasses.replace(sample, test=None)


@pytest.fixture(scope="module")
def finished(unseen_test, tmp_path_factory):
    """An uninterrupted training: (model, folder, calls of progress)."""
    folder, calls = tmp_path_factory.mktemp("finished"), []
    model = training.train("mnist-tiny", unseen_test, RECIPE, folder=folder, progress=lambda *call: calls.append(call))
    return model, folder, calls


def rows(folder) -> list[dict[str, float]]:
    with (folder / checkpoint.HISTORY).open() as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


def test_it_learns(finished, sample):
    model, _, _ = finished
    # Guessing is 10 %; these 100 steps give about 90 % on the 100 validation digits, s.e. 3 points.
    assert training.top1(model, sample.validation) > 0.7


def test_history_has_a_row_for_each_epoch(finished):
    _, folder, _ = finished
    history = rows(folder)
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert set(history[0]) == {
        *("epoch", "loss", "accuracy", "val_loss", "val_accuracy"),
        *("learning_rate", "seconds"),
    }
    assert history[-1]["learning_rate"] == pytest.approx(0, abs=1e-7)
    assert history[-1]["loss"] < history[0]["loss"]


def test_progress_counts_every_step(finished):
    _, _, calls = finished
    assert calls == [("train mnist-tiny", step, 4 * STEPS) for step in range(1, 4 * STEPS + 1)]


def test_tensorboard_logs(finished):
    _, folder, _ = finished
    assert list((folder / "tensorboard" / "train").glob("events.out.tfevents.*"))
    assert list((folder / "tensorboard" / "validation").glob("events.out.tfevents.*"))


def begin(folder, *, resume=False, overwrite=False, **identity):
    checkpoint.begin(folder, {"model": "mnist", "epochs": 4, **identity}, resume=resume, overwrite=overwrite)


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package may catch it."""


def interrupt_at(step: int):
    def progress(stage: str, done: int, total: int) -> None:
        if done == step:
            raise Killed

    return progress


def assert_same_weights(model: keras.Model, other: keras.Model) -> None:
    """Equal up to the order in which two threads add.

    Same seeds, same batches, same kernels: most runs agree to the last bit. Where they do not, a gradient differs
    by one rounding (2^-24, relative), which the following steps here, at most 100 of a rate of at most 0.2 with
    momentum 0.9, magnify by far less than 1,000.
    """
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1000 * 2**-24, atol=1000 * 2**-24)


def test_resume_ends_where_an_uninterrupted_training_ends(finished, unseen_test, tmp_path):
    with pytest.raises(Killed):
        training.train("mnist-tiny", unseen_test, RECIPE, folder=tmp_path, progress=interrupt_at(2 * STEPS + 10))
    assert len(rows(tmp_path)) == 2
    calls = []
    model = training.train(
        "mnist-tiny", unseen_test, RECIPE, folder=tmp_path, resume=True, progress=lambda *call: calls.append(call)
    )
    assert calls[0][1] == 2 * STEPS + 1
    assert_same_weights(model, finished[0])
    ours, theirs = rows(tmp_path), rows(finished[1])
    assert [row["learning_rate"] for row in ours] == [row["learning_rate"] for row in theirs]
    assert [row["epoch"] for row in ours] == [0, 1, 2, 3]


def test_resume_before_the_first_checkpoint_begins_anew(tmp_path):
    begin(tmp_path)
    (tmp_path / checkpoint.HISTORY).write_text("epoch,loss")
    begin(tmp_path, resume=True)
    assert checkpoint.restore(tmp_path, build_model("mnist-tiny"), STEPS) == 0
    assert (tmp_path / checkpoint.HISTORY).read_text() == ""


def test_resume_after_the_last_epoch_trains_no_more(finished, unseen_test):
    """Killed between the last epoch and the saved model."""
    model, folder, _ = finished
    calls = []
    again = training.train(
        "mnist-tiny", unseen_test, RECIPE, folder=folder, resume=True, progress=lambda *call: calls.append(call)
    )
    assert calls == []
    assert_same_weights(again, model)
    assert len(rows(folder)) == 4


def test_a_row_without_its_checkpoint_is_written_again(finished, tmp_path):
    """Killed after history.csv was written and before the checkpoint was."""
    history = tmp_path / checkpoint.HISTORY
    history.write_text((finished[1] / checkpoint.HISTORY).read_text() + "4,0.9")
    path = checkpoint.weights_file(tmp_path)
    path.parent.mkdir()
    path.write_bytes(checkpoint.weights_file(finished[1]).read_bytes())
    model = build_model("mnist-tiny")
    model.compile(training.make_optimizer(RECIPE, STEPS), "categorical_crossentropy")
    assert checkpoint.restore(tmp_path, model, STEPS) == 4
    assert len(rows(tmp_path)) == 4


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = checkpoint.weights_file(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"not hdf5")
    model = build_model("mnist-tiny")
    model.compile(training.make_optimizer(RECIPE, STEPS), "categorical_crossentropy")
    with pytest.raises(ModelError, match=r"latest\.weights\.h5 cannot be read .* --overwrite"):
        checkpoint.restore(tmp_path, model, STEPS)


def test_an_unfinished_training_is_not_thrown_away(tmp_path):
    begin(tmp_path)
    with pytest.raises(FileExistsRefusal, match=r"unfinished training: add --resume .* or --overwrite"):
        begin(tmp_path)
    checkpoint.weights_file(tmp_path).write_bytes(b"old")
    begin(tmp_path, resume=True)
    assert checkpoint.weights_file(tmp_path).exists()
    begin(tmp_path, overwrite=True)
    assert not checkpoint.weights_file(tmp_path).exists()
    checkpoint.discard(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_resume_refuses_other_settings(tmp_path):
    begin(tmp_path)
    with pytest.raises(UsageError, match="made with epochs 4, not 5: repeat the first command"):
        begin(tmp_path, resume=True, epochs=5)


def test_a_diverged_training_stops(unseen_test, tmp_path):
    recipe = dataclasses.replace(RECIPE, peak_learning_rate=1e30, warmup_fraction=0.0)
    with pytest.raises(CnnedgeError, match=r"training diverged: the loss is (nan|inf) in epoch 1, step"):
        training.train("mnist-tiny", unseen_test, recipe, folder=tmp_path)


def test_schedule_and_decay():
    """Linear to the peak, cosine to 0; zero gradients shrink kernels by rate times decay and nothing else."""
    recipe = Recipe(epochs=10, peak_learning_rate=0.5, warmup_fraction=0.2, weight_decay=0.1, ema_momentum=0)
    optimizer = training.make_optimizer(recipe, 10)
    schedule = optimizer.get_config()["learning_rate"]
    rate = keras.optimizers.schedules.deserialize(schedule)
    expected = {0: 0.0, 10: 0.25, 20: 0.5, 60: 0.25, 100: 0.0}
    assert {step: float(rate(step)) for step in expected} == pytest.approx(expected, abs=1e-7)
    model = build_model("mnist-tiny")
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(20)
    before = [variable.numpy() for variable in model.trainable_variables]
    optimizer.apply([keras.ops.zeros_like(variable) for variable in model.trainable_variables])
    for variable, value in zip(model.trainable_variables, before, strict=True):
        factor = 1 - 0.5 * 0.1 if variable.name == "kernel" else 1
        # Two float32 products and a difference: three roundings of 2^-24.
        np.testing.assert_allclose(variable.numpy(), factor * value, rtol=3 * 2**-24)


def test_statistics_are_those_of_the_batches(sample):
    """The first batch norm's mean and variance, against numpy in float64 on what goes into it."""
    model = build_model("mnist-tiny")
    images, labels = sample.train.images[:80], sample.train.labels[:80]
    batches = AugmentedBatches(images, labels, num_classes=10, batch_size=8, augmentation=Augmentation(), seed=0)
    training.estimate_statistics(model, batches, epoch=3)
    seen = np.concatenate([batches.batch(3, step)[0] for step in range(10)])
    entering = keras.Model(model.input, model.get_layer("conv1").output).predict(seen, verbose=0).astype(np.float64)
    parts = np.split(entering, 10)
    norm = model.get_layer("bn1")
    # Keras adds up 8 x 28 x 28 float32 values; in the worst order each addition rounds the whole sum by 2^-24.
    rounding = 8 * 28 * 28 * 2**-24
    square = (entering**2).mean()
    mean = np.mean([part.mean(axis=(0, 1, 2)) for part in parts], axis=0)
    variance = np.mean([part.var(axis=(0, 1, 2)) for part in parts], axis=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, atol=rounding * np.sqrt(square))
    np.testing.assert_allclose(norm.moving_variance.numpy(), variance, atol=2 * rounding * square)
    assert norm.momentum == 0.9


def test_data_that_does_not_fit(sample, tmp_path):
    with pytest.raises(DataError, match=r"images of shape \(28, 28, 1\), cifar10 takes \(32, 32, 3\)"):
        training.train("cifar10", sample, RECIPE, folder=tmp_path)
    with pytest.raises(DataError, match="800 training images, fewer than a batch of 801"):
        training.train("mnist-tiny", sample, dataclasses.replace(RECIPE, batch_size=801), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_init_keeps_the_weights_and_replaces_the_head(finished, tmp_path):
    path = tmp_path / "digits.keras"
    save_keras(finished[0], path)
    same = starting_network("mnist-tiny", num_classes=10, seed=0, init=path)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), finished[0].get_weights(), strict=True))
    letters = starting_network("mnist-tiny", num_classes=3, seed=0, init=path)
    assert letters.output_shape == (None, 3)
    assert letters.layers[-1].name == "probabilities"
    assert np.array_equal(letters.get_layer("conv5").get_weights()[0], same.get_layer("conv5").get_weights()[0])
    with pytest.raises(ModelError, match=r"takes images of shape \(28, 28, 1\), expected \(32, 32, 3\) as cifar10"):
        starting_network("cifar10", num_classes=10, seed=0, init=path)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_distillation_loss_on_probabilities_is_that_on_logits():
    rng = np.random.default_rng(0)
    teacher, student = rng.normal(size=(2, 50, 10)) * 2
    softer_teacher, softer_student = softmax(teacher / 4), softmax(student / 4)
    expected = 16 * (softer_teacher * np.log(softer_teacher / softer_student)).sum(axis=1).mean()
    loss = ProbabilityDistillation(temperature=4.0, loss=keras.losses.KLDivergence()).compute_loss(
        softmax(teacher).astype(np.float32), softmax(student).astype(np.float32)
    )
    # Logarithms of float32 probabilities of at least 1e-5 are right to 2^-24 * 1 each: 1e-5 covers sums of ten.
    assert float(loss) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_teacher_pulls_the_student_towards_itself(finished, unseen_test, tmp_path):
    """One epoch on the teacher's word alone brings the student nearer to it than no training does."""
    path = tmp_path / "teacher.keras"
    save_keras(finished[0], path)
    recipe = dataclasses.replace(RECIPE, epochs=2, teacher_weight=1.0)
    student = training.train("mnist-tiny", unseen_test, recipe, folder=tmp_path, seed=1, teacher=path)
    images = unseen_test.validation.images.astype(np.float32)
    wanted = finished[0].predict(images, verbose=0).argmax(axis=1)
    agreement = np.mean(student.predict(images, verbose=0).argmax(axis=1) == wanted)
    assert agreement > 0.5  # a fresh network agrees on about one image in ten
    assert [layer.name for layer in student.layers] == [layer.name for layer in finished[0].layers]
    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["teacher"] is not None


def test_top1_counts():
    """A network that always says class 3."""
    image = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(image)
    head = keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros")
    model = keras.Model(image, head(flat))
    head.bias.assign(np.eye(10)[3])
    split = training.Split(np.zeros((4, 28, 28, 1), np.uint8), np.array([3, 3, 0, 9], np.int64))
    assert training.top1(model, split) == 0.5
    assert math.isclose(training.top1(model, split.take(np.array([0]))), 1.0)


def test_load_keras_refuses_with_one_line(tmp_path):
    def refuse(name: str, message: str, content: bytes | None = None) -> None:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            load_keras(path)
        assert "\n" not in str(caught.value)

    refuse("absent.keras", "does not exist")
    refuse("text.keras", "is not a Keras model file", b"hello")
    refuse("empty.keras", "is not a Keras model file", b"")
    refuse("model.h5", "is not a Keras model file", b"\x89HDF")
    good = tmp_path / "good.keras"
    save_keras(build_model("mnist-tiny"), good)
    content = good.read_bytes()
    refuse("cut.keras", "is not a Keras model file|cannot be read", content[: len(content) // 2])
    refuse(
        "damaged.keras", "cannot be read", content.replace(b"mnist-tiny", b"mnist/tiny").replace(b"conv1", b"vnoc1", 1)
    )


def test_load_keras_runs_no_code_and_takes_only_classifiers(tmp_path):
    image = keras.Input((8, 8, 1))
    code = keras.Model(image, keras.layers.Lambda(lambda pixels: pixels * 2)(image))
    code.save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="cannot be read as a Keras model"):
        load_keras(tmp_path / "lambda.keras")
    not_a_classifier = keras.Model(image, keras.layers.ReLU()(image))
    save_keras(not_a_classifier, tmp_path / "image.keras")
    with pytest.raises(ModelError, match=r"image\.keras: the model gives output of shape"):
        load_keras(tmp_path / "image.keras")
