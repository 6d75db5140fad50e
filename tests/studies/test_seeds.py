"""A short training on the MNIST sample, repeated from another seed."""

import json

import pytest

from cnnedge.errors import DataError
from cnnedge.studies import seeds
from cnnedge.studies.trial import train_and_convert
from cnnedge.training.job import TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe

RECIPE = Recipe(epochs=3, batch_size=32, augmentation=Augmentation(shift=1), calibration_images=100)


@pytest.fixture(scope="module")
def shipped(sample, tmp_path_factory):
    """A folder as `cnnedge train` and `cnnedge export` leave it, of seed 7."""
    folder = tmp_path_factory.mktemp("shipped")
    train_and_convert(TrainingJob("mnist-tiny", RECIPE, seed=7), sample, folder=folder)
    return folder


def test_each_seed_is_another_training_and_done_once(shipped, sample, tmp_path):
    out = tmp_path / "seeds.json"
    rows = seeds.measure_seeds(shipped, sample, [8], out=out, work=tmp_path / "work")
    assert json.loads(out.read_text()) == {"seeds": rows}
    found = seeds.shipped(shipped)
    assert rows[0] == found.row and rows[0]["seed"] == 7 and rows[1]["seed"] == 8
    assert found.job == TrainingJob("mnist-tiny", RECIPE, seed=7).on(sample)
    weights = [folder / "mnist-tiny.keras" for folder in (shipped, tmp_path / "work" / "seed-8")]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    # 75 steps give about 85 % on 500 digits.
    assert all(0.5 < row["float_top1"] <= 1 and abs(row["float_top1"] - row["int8_top1"]) < 0.02 for row in rows)

    def fail(stage, done, total):
        raise AssertionError(f"{stage}: nothing was left to do")

    assert seeds.measure_seeds(shipped, sample, [8, 7], out=out, work=tmp_path / "other", progress=fail) == rows


def test_killed_in_the_conversion_a_seed_is_not_trained_again(shipped, sample, tmp_path, monkeypatch):
    def kill(*arguments, **options):
        raise KeyboardInterrupt

    place = {"out": tmp_path / "seeds.json", "work": tmp_path / "work"}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("cnnedge.studies.trial.export", kill)
        seeds.measure_seeds(shipped, sample, [8], **place)
    stages = set()
    rows = seeds.measure_seeds(shipped, sample, [8], **place, progress=lambda stage, *_: stages.add(stage))
    assert stages and not any("train" in stage for stage in stages), stages
    assert [row["seed"] for row in rows] == [7, 8]
    assert not (tmp_path / "work" / "seed-8" / "checkpoint").exists()


def test_seeds_of_another_model_are_not_continued(shipped, sample, tmp_path):
    out = tmp_path / "seeds.json"
    out.write_text(json.dumps({"seeds": [{"seed": 7, "float_top1": 0.1, "int8_top1": 0.1}]}))
    with pytest.raises(DataError, match=r"begins with .*0\.1.*, the shipped model is .*: remove it to measure anew"):
        seeds.measure_seeds(shipped, sample, [8], out=out, work=tmp_path)


def test_a_teacher_that_the_model_did_not_have(shipped, sample, tmp_path):
    teacher = shipped / "mnist-tiny.keras"
    with pytest.raises(DataError, match=r"was trained with no teacher, not with .*mnist-tiny\.keras"):
        seeds.measure_seeds(shipped, sample, [8], out=tmp_path / "seeds.json", work=tmp_path, teacher=teacher)


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 1, "model": "mnist", "files": {}}', "does not say how the model was trained"),
    ],
)
def test_a_folder_that_was_not_trained_here(content, complaint, tmp_path):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=rf"manifest\.json {complaint}"):
        seeds.shipped(tmp_path)
