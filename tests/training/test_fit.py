"""Training on slices of the MNIST sample: what it learns, what it leaves behind, and how it is taken up again."""

import csv
import dataclasses

import keras
import numpy as np
import pytest

from cnnedge.data import pixels_of
from cnnedge.errors import CnnedgeError, DataError, UsageError
from cnnedge.model.keras_file import save_keras
from cnnedge.model.networks import build_model
from cnnedge.model.predictor import KerasPredictor
from cnnedge.scoring.score import score
from cnnedge.training import checkpoint, fit
from cnnedge.training.batches import AugmentedBatches
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe

# 25 steps an epoch on the 800 training images; the average looks back 10 steps.
RECIPE = Recipe(epochs=4, batch_size=32, ema_momentum=0.9, augmentation=Augmentation(shift=1))
JOB = TrainingJob("mnist-tiny", RECIPE)
STEPS = 25


@pytest.fixture(scope="module")
def unseen_test(sample):
    """The sample without its test split: whoever touches it fails."""
    return dataclasses.replace(sample, test=None)


@pytest.fixture(scope="module")
def finished(unseen_test, tmp_path_factory):
    """An uninterrupted training: (model, folder, calls of progress)."""
    folder, calls = tmp_path_factory.mktemp("finished"), []
    model = fit.train(JOB, unseen_test, folder=folder, progress=lambda *call: calls.append(call))
    return model, folder, calls


def rows(folder) -> list[dict[str, float]]:
    with (folder / checkpoint.HISTORY).open() as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


def test_it_learns(finished, sample):
    model, _, _ = finished
    # Guessing is 10 %; these 100 steps give about 90 % on the 100 validation digits, s.e. 3 points.
    assert score(KerasPredictor(model), sample.validation).top1 > 0.7


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
        fit.train(JOB, unseen_test, folder=tmp_path, progress=interrupt_at(2 * STEPS + 10))
    assert len(rows(tmp_path)) == 2
    calls = []
    model = fit.train(JOB, unseen_test, folder=tmp_path, resume=True, progress=lambda *call: calls.append(call))
    assert calls[0][1] == 2 * STEPS + 1
    assert_same_weights(model, finished[0])
    ours, theirs = rows(tmp_path), rows(finished[1])
    assert [row["learning_rate"] for row in ours] == [row["learning_rate"] for row in theirs]
    assert [row["epoch"] for row in ours] == [0, 1, 2, 3]


def test_muon_goes_on_with_its_momentum(unseen_test, tmp_path):
    job = dataclasses.replace(JOB, recipe=dataclasses.replace(RECIPE, epochs=2, muon_rate=0.05))
    whole = fit.train(job, unseen_test, folder=tmp_path / "whole")
    with pytest.raises(Killed):
        fit.train(job, unseen_test, folder=tmp_path / "cut", progress=interrupt_at(STEPS + 10))
    resumed = fit.train(job, unseen_test, folder=tmp_path / "cut", resume=True)
    # Without the momentum half of all weights of every variable end 0.008 and more away (measured). Newton-Schulz makes
    # a rounding up to 3.4445**5 = 485 times as long, in directions that hardly occur: a tenth of that is left to it.
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.median(np.abs(ours - theirs)) <= 8e-4


def test_it_goes_on_in_another_arithmetic_and_to_another_length(unseen_test, tmp_path):
    first, then, short = (
        dataclasses.replace(JOB, recipe=dataclasses.replace(RECIPE, epochs=epochs, half=half))
        for epochs, half in ((9, True), (3, False), (1, False))
    )
    with pytest.raises(Killed):
        fit.train(first, unseen_test, folder=tmp_path, progress=interrupt_at(2 * STEPS + 10))
    with pytest.raises(UsageError, match=r"has 2 epochs done, more than the 1 asked for: give --epochs"):
        fit.train(short, unseen_test, folder=tmp_path, resume=True)
    assert checkpoint.state(tmp_path).training.recipe["epochs"] == 9  # what is refused changes nothing
    fit.train(then, unseen_test, folder=tmp_path, resume=True)
    found, history = checkpoint.state(tmp_path), rows(tmp_path)
    assert [(part.first_epoch, part.planned_epochs, part.half) for part in found.parts] == [(0, 9, True), (2, 3, False)]
    assert (found.training.recipe["epochs"], found.training.recipe["half"]) == (3, False)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert history[2]["loss"] < history[1]["loss"]
    assert history[1]["learning_rate"] > 0.15 and history[2]["learning_rate"] == pytest.approx(0, abs=1e-7)


def test_resume_after_the_last_epoch_trains_no_more(finished, unseen_test):
    """Killed between the last epoch and the saved model."""
    model, folder, _ = finished
    calls = []
    again = fit.train(JOB, unseen_test, folder=folder, resume=True, progress=lambda *call: calls.append(call))
    assert calls == []
    assert_same_weights(again, model)
    assert len(rows(folder)) == 4


def test_a_diverged_training_stops(unseen_test, tmp_path):
    recipe = dataclasses.replace(RECIPE, peak_learning_rate=1e30, warmup_fraction=0.0)
    with pytest.raises(CnnedgeError, match=r"training diverged: the loss is (nan|inf) in epoch 1, step"):
        fit.train(TrainingJob("mnist-tiny", recipe), unseen_test, folder=tmp_path)


def test_schedule_and_decay():
    """Linear to the peak, cosine to 0; zero gradients shrink kernels by rate times decay and nothing else."""
    recipe = Recipe(epochs=10, peak_learning_rate=0.5, warmup_fraction=0.2, weight_decay=0.1, ema_momentum=0)
    optimizer = fit.make_optimizer(recipe, 10)
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
    few = sample.train.take(range(80))
    batches = AugmentedBatches(few, num_classes=10, batch_size=8, augmentation=Augmentation(), seed=0)
    fit.estimate_statistics(model, batches, epoch=3)
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
        fit.train(TrainingJob("cifar10", RECIPE), sample, folder=tmp_path)
    with pytest.raises(DataError, match="800 training images, fewer than a batch of 801"):
        fit.train(TrainingJob("mnist-tiny", dataclasses.replace(RECIPE, batch_size=801)), sample, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_teacher_pulls_the_student_towards_itself(finished, unseen_test, tmp_path):
    """One epoch on the teacher's word alone brings the student nearer to it than no training does."""
    path = tmp_path / "teacher.keras"
    save_keras(finished[0], path)
    recipe = dataclasses.replace(RECIPE, epochs=2, teacher_weight=1.0)
    job = TrainingJob("mnist-tiny", recipe, seed=1, teacher=SavedNetwork.of(path))
    student = fit.train(job, unseen_test, folder=tmp_path)
    images = pixels_of(unseen_test.validation).astype(np.float32)
    wanted = finished[0].predict(images, verbose=0).argmax(axis=1)
    agreement = np.mean(student.predict(images, verbose=0).argmax(axis=1) == wanted)
    assert agreement > 0.5  # a fresh network agrees on about one image in ten
    assert [layer.name for layer in student.layers] == [layer.name for layer in finished[0].layers]
    found = checkpoint.state(tmp_path)
    assert found.trained is None and TrainingJob.from_record(found.training) == job.on(unseen_test)
