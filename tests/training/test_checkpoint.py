"""What a training leaves behind for the next one, and when that one may take it up."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnedge.errors import CnnedgeError, FileExistsRefusal, ModelError, UsageError
from cnnedge.manifest import TrainedOn
from cnnedge.model.networks import build_model
from cnnedge.training import checkpoint
from cnnedge.training.fit import make_optimizer
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.learner import learner_of
from cnnedge.training.parts import Part
from cnnedge.training.recipes import Recipe

STEPS = 25
UNFINISHED = Path(__file__).parents[2] / "exported/unfinished"
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
    checkpoint.save(tmp_path, compiled)
    history = tmp_path / checkpoint.HISTORY
    history.write_text("epoch,loss\n0,2.3\n1,1.5\n2,0.9\n3,0.")
    assert checkpoint.restore(tmp_path, compiled, STEPS) == 2
    assert history.read_text() == "epoch,loss\n0,2.3\n1,1.5\n"


@pytest.mark.parametrize(
    "content",
    [
        None, b"", b"\xff\xfe\0garbage", b"epoch,loss\n0,2.3\n", b"epoch,loss\n0,2.3\n1,\n",
        b"epoch,loss\n0,2.3\n2,1\n", b"epoch,loss\n0,2.3\n1\n", b"epoch,loss\n0,2.3\n1,1,1\n", b"loss\n0\n1\n",
        b"epoch,loss\n0,2.3\n\xff,1\n",
    ],
)  # fmt: skip
def test_a_history_without_the_rows_of_the_epochs_that_are_done(content, compiled, tmp_path):
    compiled.optimizer.iterations.assign(2 * STEPS)
    checkpoint.save(tmp_path, compiled)
    history = tmp_path / checkpoint.HISTORY
    if content is not None:
        history.write_bytes(content)
    with pytest.raises(ModelError, match=r"history\.csv is gone or damaged, expected a row for each of 2 epochs: put"):
        checkpoint.restore(tmp_path, compiled, STEPS)
    assert content is None or history.read_bytes() == content


def damaged(content: bytes, count: int):
    """``content`` with one byte changed, cut short, or with something behind it."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = int(rng.integers(len(content)))
        yield (
            content[:place] + bytes([content[place] ^ (1 << number % 8)]) + content[place + 1 :],
            content[:place],
            content + content[:place] + b"x",
        )[number % 3]


def test_every_damage_of_the_checkpoint_is_one_line(compiled, tmp_path):
    checkpoint.save(tmp_path, compiled)
    path = checkpoint.weights_file(tmp_path)
    for content in damaged(path.read_bytes(), 300):
        path.write_bytes(content)
        with pytest.raises(
            ModelError, match=r"latest is damaged \(its checksum is wrong\): begin again with --overwrite$"
        ):
            checkpoint.restore(tmp_path, compiled, STEPS)


def test_a_checkpoint_of_another_network(compiled, tmp_path):
    other = build_model("mnist")
    other.compile(make_optimizer(Recipe(epochs=4), STEPS), "categorical_crossentropy")
    other.optimizer.build(other.trainable_variables)
    checkpoint.save(tmp_path, other)
    with pytest.raises(ModelError, match=r"latest does not fit this network .*: begin again with --overwrite$"):
        checkpoint.restore(tmp_path, compiled, STEPS)


def test_every_damage_of_the_record_is_one_line_or_another_training(tmp_path):
    begin(tmp_path)
    path = checkpoint.state_file(tmp_path)
    whole = path.read_bytes()
    for content in damaged(whole, 300):
        path.write_bytes(content)
        try:
            begin(tmp_path, resume=True)
        except CnnedgeError as error:
            assert "begin again with --overwrite" in str(error) or "cannot be used" in str(error), error
            assert len(str(error).splitlines()) == 1
        else:  # the damage hit what decides nothing: a name of data, a version, white space
            assert TrainingJob.from_record(checkpoint.state(tmp_path).training).difference(JOB) is None


@pytest.mark.parametrize("content", [b"[]", b'{"training": {"netw'])
def test_a_damaged_record_is_said_before_anything_is_loaded(content, tmp_path):
    begin(tmp_path)
    checkpoint.state_file(tmp_path).write_bytes(content)
    for resume in (True, False):
        with pytest.raises(ModelError, match=r"training\.json is damaged .*: begin again with --overwrite"):
            checkpoint.check_start(tmp_path, [], resume=resume, overwrite=False)
    with pytest.raises(ModelError, match="begin again with --overwrite, without --resume"):
        checkpoint.check_start(tmp_path, [], resume=True, overwrite=True)
    checkpoint.check_start(tmp_path, [], resume=False, overwrite=True)


def test_a_trained_network_is_not_trained_again(tmp_path):
    begin(tmp_path)
    network = tmp_path / "mnist.keras"
    network.write_bytes(b"a network")
    checkpoint.mark_trained(tmp_path, network)
    assert checkpoint.begin(tmp_path, JOB, resume=True, overwrite=False).path == network
    network.write_bytes(b"another")
    with pytest.raises(ModelError, match=r"mnist\.keras is not the network that was trained here any more"):
        begin(tmp_path, resume=True)


def test_killed_while_the_checkpoint_is_removed_nothing_is_taken_for_a_training(tmp_path, monkeypatch):
    """Whatever comes after the first removal does not happen."""
    begin(tmp_path)
    checkpoint.weights_file(tmp_path).write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *arguments, **options: None)
        checkpoint.discard(tmp_path)
    assert checkpoint.weights_file(tmp_path).exists() and not checkpoint.is_unfinished(tmp_path)
    saved = tmp_path / "mnist.keras"
    saved.write_bytes(b"")
    with pytest.raises(FileExistsRefusal, match=r"mnist\.keras is there, and nothing is left to resume: use it"):
        checkpoint.check_start(tmp_path, [saved], resume=True, overwrite=False)
    begin(tmp_path)
    assert not checkpoint.weights_file(tmp_path).exists()  # a new training does not take up the old weights


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
        ({"recipe": Recipe(epochs=4, batch_size=64)}, "batch_size 128, not 64"),
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


def test_what_is_trained_does_not_change_its_arithmetic_or_length(tmp_path):
    other = dataclasses.replace(JOB, recipe=Recipe(epochs=5, half=True))
    begin(tmp_path)
    begin(tmp_path, other, resume=True)
    checkpoint.begin_part(tmp_path, other, Part(2, 5, "CPU", 2, None, half=True))
    assert TrainingJob.from_record(checkpoint.state(tmp_path).training) == other
    network = tmp_path / "mnist.keras"
    network.write_bytes(b"trained")
    checkpoint.mark_trained(tmp_path, network)
    with pytest.raises(UsageError, match="made with epochs 5, not 4"):
        begin(tmp_path, resume=True)


@pytest.mark.parametrize("held", sorted(UNFINISHED.glob("**/checkpoint")), ids=lambda held: held.parent.name)
def test_what_is_under_way_can_be_taken_up(held, tmp_path):
    """Long trainings are resumed on other machines, maybe by a later version: exported/TRAINING.md has the commands."""
    folder = shutil.copytree(held.parent, tmp_path / "copy")
    job = TrainingJob.from_record(checkpoint.state(folder).training)
    learner = learner_of(build_model(job.network, seed=job.seed), half=job.recipe.half)
    steps = 371  # whole batches of 128 in 47,500 photos
    learner.compile(make_optimizer(job.recipe, steps), "categorical_crossentropy")
    assert 0 < checkpoint.restore(folder, learner, steps) < job.recipe.epochs
    assert all(np.asarray(momentum).std() > 0 for momentum in learner.optimizer.momentums)
