"""What a training leaves behind for the next one, and when that one may take it up."""

import pytest

from cnnedge.errors import FileExistsRefusal, ModelError, UsageError
from cnnedge.model.networks import build_model
from cnnedge.training import checkpoint
from cnnedge.training.fit import make_optimizer
from cnnedge.training.recipes import Recipe

STEPS = 25


@pytest.fixture
def compiled():
    model = build_model("mnist-tiny")
    model.compile(make_optimizer(Recipe(epochs=4), STEPS), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def begin(folder, *, resume=False, overwrite=False, **identity):
    checkpoint.begin(folder, {"model": "mnist", "epochs": 4, **identity}, resume=resume, overwrite=overwrite)


def test_resume_before_the_first_checkpoint_begins_anew(compiled, tmp_path):
    begin(tmp_path)
    (tmp_path / checkpoint.HISTORY).write_text("epoch,loss")
    begin(tmp_path, resume=True)
    assert checkpoint.restore(tmp_path, compiled, STEPS) == 0
    assert (tmp_path / checkpoint.HISTORY).read_text() == ""


def test_a_training_of_another_width_is_not_taken_up(tmp_path):
    begin(tmp_path)  # notes no width, as trainings did before there were any
    begin(tmp_path, resume=True, width=1.0)
    with pytest.raises(UsageError, match=r"made with width 1\.0, not 0\.5"):
        begin(tmp_path, resume=True, width=0.5)


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


def test_resume_refuses_other_settings(tmp_path):
    begin(tmp_path)
    with pytest.raises(UsageError, match="made with epochs 4, not 5: repeat the first command"):
        begin(tmp_path, resume=True, epochs=5)
