"""What is kept of the network that another one learned from."""

import numpy as np
import pytest

from cnnedge import pipeline
from cnnedge.manifest import read_manifest, training_record
from cnnedge.model.networks import build_model, count_macs
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe
from cnnedge.training.teacher import teacher_facts

RECIPE = Recipe(epochs=1, batch_size=32, augmentation=Augmentation(shift=1))


@pytest.fixture(scope="module")
def taught(sample, tmp_path_factory):
    """A folder with a teacher that was trained here, and one with its pupil."""
    big, small = tmp_path_factory.mktemp("big"), tmp_path_factory.mktemp("small")
    pipeline.train_and_save(TrainingJob("mnist-tiny", RECIPE, width=2.0), sample, folder=big)
    teacher = SavedNetwork.of(big / "mnist-tiny.keras")
    pipeline.train_and_save(TrainingJob("mnist-tiny", RECIPE, teacher=teacher), sample, folder=small)
    return teacher, small


def test_the_manifest_and_the_file_say_how_good_the_teacher_is_and_what_it_cost(taught, sample):
    teacher, folder = taught
    kept = read_manifest(folder).training
    assert kept == training_record(folder / "mnist-tiny.keras")
    found = kept.cost["teacher"]
    network = build_model("mnist-tiny", width=2.0)
    assert (found["parameters"], found["macs"]) == (network.count_params(), count_macs(network))
    assert found["training"]["width"] == 2.0 and found["training"]["cost"]["epochs"] == 1
    network.load_weights(teacher.path)
    pixels = sample.validation.pixels(np.arange(len(sample.validation))).astype(np.float32)
    right = np.asarray(network(pixels)).argmax(axis=1) == sample.validation.labels
    assert (found["top1"], found["images"]) == (right.mean(), len(sample.validation))
    assert "teacher" not in training_record(teacher.path).cost


def test_a_teacher_from_elsewhere_has_no_record(sample, tmp_path):
    build_model("mnist-tiny").save(tmp_path / "theirs.keras")
    found = teacher_facts(SavedNetwork.of(tmp_path / "theirs.keras"), sample)
    assert found["training"] is None
    assert 0 <= found["top1"] < 0.5 and found["images"] == len(sample.validation)
