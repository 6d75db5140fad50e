"""Recipes beside each other on the MNIST sample."""

import dataclasses
import json

import numpy as np
import pytest

from cnnedge.errors import DataError, UsageError
from cnnedge.manifest import TrainingRecord
from cnnedge.pipeline import train_and_save
from cnnedge.records import from_json, to_json
from cnnedge.studies import recipe_trials
from cnnedge.studies.recipe_trials import PRESENT, changed, comparisons, held_out, measure_recipes
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe

UNKNOWN = "not shown to be better"
JOB = TrainingJob("mnist-tiny", Recipe(epochs=2, batch_size=32, augmentation=Augmentation(shift=1, flip=True)))


def test_a_change_names_fields_of_both_records_and_the_width():
    found = changed(
        JOB, "trivial=true, cutmix=1,flip=false,peak_learning_rate=0.1,epochs=3,width=0.5,branches=pointwise"
    )
    assert found.width == 0.5
    assert found.recipe == Recipe(
        epochs=3, batch_size=32, peak_learning_rate=0.1, branches="pointwise",
        augmentation=Augmentation(shift=1, trivial=True, cutmix=1.0),
    )  # fmt: skip


def test_a_change_may_be_the_layers(sample):
    job = changed(JOB, "stack=8-P-16-24-P")
    network = job.spec.build()
    assert [layer.filters for layer in network.layers if hasattr(layer, "filters")] == [8, 16, 24]
    assert network.name == "mnist-tiny" and network.input_shape == (None, 28, 28, 1)
    assert job.difference(JOB) == "stack 8-P-16-24-P, not None"
    written = to_json(job.on(sample).record(backend="tensorflow", versions={}))
    assert TrainingJob.from_record(from_json(TrainingRecord, written)) == job.on(sample)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stack=8-x", "the stack is '8-x', expected filters and poolings like"),
        ("stack=0-P", "the stack is '0-P'"),
        ("stack=8-P-P-P-P-P-8", "has 5 poolings, too many for"),
        ("cutmixx=1", "no setting 'cutmixx' of a recipe: .*cutmix"),
        ("augmentation=none", "no setting 'augmentation'"),
        ("trivial=yes", "trivial=yes: expected true or false"),
        ("epochs=few", "epochs=few: expected a value like 2"),
        ("erase=2", "erase is 2.0, expected a share"),
        ("shift", "shift=: expected a value like 1"),
    ],
)
def test_a_change_that_is_none_is_said(text, words):
    with pytest.raises(UsageError, match=words):
        changed(JOB, text)


def test_what_judges_was_not_learned_from(sample):
    part = held_out(sample, 300, 150)
    assert (len(part.train), len(part.validation)) == (300, 150)
    learned, judged = (
        {image.tobytes() for image in split.pixels(range(len(split)))} for split in (part.train, part.validation)
    )
    assert not learned & judged
    assert judged <= {image.tobytes() for image in sample.train.pixels(range(len(sample.train)))}
    with pytest.raises(DataError, match=r"fewer than 1,000 and 1"):
        held_out(sample, 1_000, 1)


def test_a_teachers_pupils_are_judged_on_what_the_teacher_never_saw(sample, tmp_path):
    job = TrainingJob("mnist-tiny", Recipe(epochs=1, batch_size=32))
    train_and_save(job, sample, folder=tmp_path)
    teacher = SavedNetwork.of(tmp_path / "mnist-tiny.keras")
    part = held_out(sample, 300, 80, [teacher])
    # One that learned from the same 300 knows none of the others.
    train_and_save(job, held_out(sample, 300, 150), folder=tmp_path / "part")
    same = SavedNetwork.of(tmp_path / "part/mnist-tiny.keras")
    judges = held_out(sample, 300, 150).validation
    assert np.array_equal(held_out(sample, 300, 150, [same]).validation.labels, judges.labels)
    assert len(held_out(sample, 300, 150, [same, teacher]).validation) == len(sample.validation) == 100
    assert len(part.train) == 300
    assert np.array_equal(part.validation.labels, sample.validation.labels[:80])
    with pytest.raises(DataError, match=r"mnist-tiny.keras did not learn from the training split of mnist or"):
        held_out(dataclasses.replace(sample, train=sample.train.take(range(500))), 300, 80, [teacher])


def test_each_recipe_and_seed_is_trained_once(sample, tmp_path):
    data = held_out(sample, 320, 150)
    jobs = {PRESENT: JOB, "mixup=0.2": changed(JOB, "mixup=0.2")}
    place = {"out": tmp_path / "trials.json", "work": tmp_path / "work"}
    rows = measure_recipes(jobs, data, [0, 1], **place)
    assert [(row["recipe"], row["seed"]) for row in rows] == [(name, seed) for seed in (0, 1) for name in jobs]
    assert all(0 <= row["top1"] <= 1 and row["nll"] > 0 and row["images_per_s"] > 0 for row in rows)
    assert len({row["nll"] for row in rows}) == 4
    assert json.loads(place["out"].read_text())["rows"] == rows

    def fail(stage, done, total):
        raise AssertionError(f"{stage}: nothing was left to do")

    assert measure_recipes(jobs, data, [1, 0], **place, progress=fail) == rows
    longer = {PRESENT: dataclasses.replace(JOB, recipe=dataclasses.replace(JOB.recipe, epochs=3))}
    with pytest.raises(DataError, match=r"has trainings of .*'epochs': 2.*, not of .*'epochs': 3"):
        measure_recipes(longer, data, [0], **place)


def rows_of(**figures):
    return [
        {"recipe": recipe, "seed": seed, "top1": top1, "nll": nll}
        for recipe, found in figures.items()
        for seed, (top1, nll) in enumerate(found)
    ]


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        ([(0.93, 0.20), (0.94, 0.21)], "better"),
        ([(0.93, 0.20), (0.94, 0.40)], UNKNOWN),  # its own seeds differ by more than what it gave
        ([(0.91, 0.20), (0.92, 0.21)], UNKNOWN),  # one point more, as much as two seeds differ
        ([(0.93, 0.31), (0.94, 0.32)], UNKNOWN),  # of the two figures, one
        ([(0.88, 0.35), (0.89, 0.36)], "worse"),
        ([(0.88, 0.35), (0.93, 0.36)], UNKNOWN),
    ],
)
def test_better_is_beyond_what_seeds_differ_by(tried, verdict):
    (found,) = comparisons(rows_of(present=[(0.90, 0.30), (0.91, 0.31)], tried=tried))
    assert found.recipe == "tried" and found.verdict == verdict
    assert found.top1 == pytest.approx(sum(top1 for top1, _ in tried) / 2 - 0.905)


def test_only_seeds_that_both_have_are_compared():
    rows = rows_of(present=[(0.9, 0.3), (0.1, 3.0)], tried=[(0.95, 0.2)])
    (found,) = comparisons(rows)
    assert found.top1 == pytest.approx(0.05)
    assert found.verdict == UNKNOWN, "one seed says nothing of what seeds differ by"
    assert not comparisons(rows[:2]) and recipe_trials.PRESENT == "present"
