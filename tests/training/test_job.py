"""The record of a training: checked at birth, whole in JSON, and read from the manifests that are shipped."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cnnedge.data.array_split import ArraySplit
from cnnedge.data.splits import Dataset
from cnnedge.errors import DataError, ModelError, UsageError
from cnnedge.manifest import TrainedOn, TrainingRecord, read_manifest
from cnnedge.records import from_json, to_json
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe, recipe

EXPORTED = Path(__file__).parents[2] / "exported"
WHOLE = TrainingJob(
    "cifar10", Recipe(epochs=3, augmentation=Augmentation(shift=1, flip=True)), 7, 0.5, None,
    SavedNetwork(Path("teacher.keras"), "ab" * 32), TrainedOn("cifar10", False, "cd" * 32, "cache", "ef" * 32),
)  # fmt: skip


def record(job=WHOLE, **changes):
    return dataclasses.replace(job.record(backend="jax", versions={"keras": "3.15"}), **changes)


def test_a_job_comes_back_whole_from_its_record():
    read = from_json(TrainingRecord, json.loads(json.dumps(to_json(record()))))
    assert TrainingJob.from_record(read) == WHOLE
    assert WHOLE.difference(WHOLE) is None
    with pytest.raises(ValueError, match="a job without data has no record"):
        record(dataclasses.replace(WHOLE, data=None))


def test_the_classes_of_the_data_are_kept_in_their_order():
    split = ArraySplit(np.zeros((4, 28, 28, 1), np.uint8), np.array([0, 1, 0, 1]))
    job = TrainingJob("mnist", Recipe(epochs=1, batch_size=2)).on(
        Dataset("pets", ("dog", "cat"), split, split, split, split, "folder", False, "", 0)
    )
    read = from_json(TrainingRecord, json.loads(json.dumps(to_json(record(job)))))
    assert read.data.labels == ("dog", "cat")


@pytest.mark.parametrize("name", ["mnist", "mnist-tiny", "cifar10", "cifar10-small"])
def test_the_shipped_manifests_say_how_their_models_were_trained(name):
    job = TrainingJob.from_record(read_manifest(EXPORTED / name).training)
    assert (job.network, job.recipe, job.width) == (name, recipe(name, "full"), 1.0)
    assert job.data is not None and job.data.name == name.split("-")[0] and len(job.data.train_sha256) == 64
    assert job.teacher is None


@pytest.mark.parametrize("changes", [{"recipe": {}}, {"seed": -1}, {"network": "resnet"}, {"recipe": {"epochs": "1"}}])
def test_a_record_that_no_job_can_have_is_refused(changes):
    with pytest.raises(DataError, match=r"the record of the training of '.*' cannot be used"):
        TrainingJob.from_record(record(**changes))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"network": "resnet"}, "unknown model 'resnet'"),
        ({"seed": -1}, "seed is -1, expected 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296, expected 0 to 4294967295"),
        ({"width": 0.0}, r"width is 0\.0, expected a number above 0"),
        ({"width": float("inf")}, "width is inf, expected a number above 0"),
        ({"width": 0.5, "init": SavedNetwork(Path("a.keras"), "")}, r"has its width: leave --width 0\.5 out"),
    ],
)
def test_impossible_jobs(setting, complaint):
    with pytest.raises(UsageError, match=complaint):
        TrainingJob(**{"network": "mnist", "recipe": Recipe(epochs=1), **setting})


def test_a_file_is_known_by_its_content(tmp_path):
    archive = (EXPORTED / "mnist-tiny" / "mnist-tiny.keras").read_bytes()
    paths = [tmp_path / name for name in ("one.keras", "two.keras")]
    for path in paths:
        path.write_bytes(archive)
    one, two = map(SavedNetwork.of, paths)
    assert one == two and one.path != two.path
    with pytest.raises(ModelError, match=r"typo\.keras does not exist: expected"):
        SavedNetwork.of(tmp_path / "typo.keras")
    paths[0].write_bytes(b"text")
    with pytest.raises(ModelError, match=r"one\.keras is not a Keras model file"):
        SavedNetwork.of(paths[0])
