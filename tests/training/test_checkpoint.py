"""What a training leaves behind for the next one, and when that one may take it up."""

import dataclasses
from pathlib import Path

import pytest

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.manifest import TrainedOn
from cnnedge.model.networks import build_model
from cnnedge.training import checkpoint
from cnnedge.training.fit import make_optimizer
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Recipe

STEPS = 25
JOB = TrainingJob("mnist", Recipe(epochs=4), data=TrainedOn("mnist", False, "a", "cache", "b"))


@pytest.fixture
def compiled():
    model = build_model("mnist-tiny")
    model.compile(make_optimizer(Recipe(epochs=4), STEPS), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def begin(folder, job=JOB, *, resume=False, overwrite=False):
    checkpoint.begin(folder, job, resume=resume, overwrite=overwrite)


def test_resume_before_the_first_checkpoint_begins_anew(compiled, tmp_path):
    begin(tmp_path)
    (tmp_path / checkpoint.HISTORY).write_text("epoch,loss")
    begin(tmp_path, resume=True)
    assert checkpoint.restore(tmp_path, compiled, STEPS) == 0
    assert (tmp_path / checkpoint.HISTORY).read_text() == ""


def test_a_row_without_its_checkpoint_is_written_again(compiled, tmp_path):
    """Killed after history.csv got the third row, in the middle of a fourth, and before either's checkpoint."""
    compiled.optimizer.iterations.assign(2 * STEPS)
    path = checkpoint.weights_file(tmp_path)
    path.parent.mkdir()
    compiled.save_weights(path)
    history = tmp_path / checkpoint.HISTORY
    history.write_text("epoch,loss\n0,2.3\n1,1.5\n2,0.9\n3,0.")
    assert checkpoint.restore(tmp_path, compiled, STEPS) == 2
    assert history.read_text() == "epoch,loss\n0,2.3\n1,1.5\n"


def test_a_damaged_checkpoint_is_refused(compiled, tmp_path):
    path = checkpoint.weights_file(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"not hdf5")
    with pytest.raises(ModelError, match=r"latest\.weights\.h5 cannot be read .* --overwrite"):
        checkpoint.restore(tmp_path, compiled, STEPS)


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


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"network": "mnist-tiny"}, "network mnist, not mnist-tiny"),
        ({"recipe": Recipe(epochs=5)}, "epochs 4, not 5"),
        ({"width": 0.5}, r"width 1\.0, not 0\.5"),
        ({"data": TrainedOn("mnist", False, "a", "cache", "c")}, "validation images b, not c"),
        ({"teacher": SavedNetwork(Path("t.keras"), "12" * 32)}, r"teacher None, not t\.keras \(SHA-256 1212"),
    ],
)
def test_resume_refuses_other_settings(change, complaint, tmp_path):
    begin(tmp_path)
    begin(tmp_path, resume=True)
    with pytest.raises(UsageError, match=f"made with {complaint}.*: repeat the first command"):
        begin(tmp_path, dataclasses.replace(JOB, **change), resume=True)
