"""Short proofs before long runs: a few epochs of recipes that differ in one idea, judged on images that none of
them learned from. The test split is not touched.

The document is ``{"of": {"model", "epochs", "half", "trained", "held_out", "judges"}, "rows": [{"recipe", "seed",
"top1", "nll", "images_per_s"}, ...]}``; ``judges`` is the SHA-256 of the images that judged.
"""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge import pipeline
from cnnedge.data import Dataset, Split
from cnnedge.errors import DataError, UsageError
from cnnedge.files import write_atomically
from cnnedge.manifest import training_record
from cnnedge.model.predictor import KerasPredictor
from cnnedge.names import expected_one_of
from cnnedge.progress import Progress, silent
from cnnedge.scoring.accuracy import negative_log_likelihood
from cnnedge.scoring.score import answers_of
from cnnedge.training import checkpoint
from cnnedge.training.cost import epochs_and_seconds
from cnnedge.training.job import SavedNetwork, TrainingJob
from cnnedge.training.recipes import Augmentation, Recipe

PRESENT = "present"
BLOCK = 500
_SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class Comparison:
    """A recipe beside the present one, over the ``seeds`` that both have: differences of the means, and how much the
    seeds of one recipe differ, at most; all in fractions and nats."""

    recipe: str
    seeds: int
    top1: float
    nll: float
    spread: float
    nll_spread: float

    @property
    def verdict(self) -> str:
        """Whether both figures are better, or worse, beyond what seeds alone make, which one seed does not say."""
        if self.seeds > 1 and self.top1 > self.spread and -self.nll > self.nll_spread:
            return "better"
        if self.seeds > 1 and -self.top1 > self.spread and self.nll > self.nll_spread:
            return "worse"
        return "not shown to be better"


def changed(job: TrainingJob, text: str) -> TrainingJob:
    """``job`` with the settings that ``text``, such as ``"trivial=true,cutout=0,teacher=big.keras"``, gives instead.

    A name is a field of ``Recipe`` or ``Augmentation``, or ``teacher``, ``width`` or ``stack``.

    Raises:
        UsageError: no such setting, or a value that it cannot have. ModelError: the teacher is no Keras file.
    """
    recipe, augmentation = job.recipe, job.recipe.augmentation
    known = [field.name for kind in (Recipe, Augmentation) for field in dataclasses.fields(kind)]
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        if name == "teacher":
            job = dataclasses.replace(job, teacher=SavedNetwork.of(Path(value)))
        elif name == "width":
            job = dataclasses.replace(job, width=_as(1.0, name, value))
        elif name == "stack":
            job = dataclasses.replace(job, stack=value)
        elif hasattr(augmentation, name):
            augmentation = dataclasses.replace(augmentation, **{name: _as(getattr(augmentation, name), name, value)})
        elif name in known and name != "augmentation":
            recipe = dataclasses.replace(recipe, **{name: _as(getattr(recipe, name), name, value)})
        else:
            names = sorted({*known, "teacher", "width", "stack"} - {"augmentation"})
            raise UsageError(f"no setting {name!r} of a recipe: {expected_one_of(name, names)}")
    return dataclasses.replace(job, recipe=dataclasses.replace(recipe, augmentation=augmentation))


def _as(present: Any, name: str, value: str) -> Any:
    """``value`` in the type of what the setting has now."""
    try:
        return _SWITCH[value] if isinstance(present, bool) else type(present)(value)
    except (ValueError, KeyError):
        kind = "true or false" if isinstance(present, bool) else f"a value like {present!r}"
        raise UsageError(f"{name}={value}: expected {kind}") from None


def held_out(data: Dataset, trained: int, judged: int, teachers: Sequence[SavedNetwork] = ()) -> Dataset:
    """``data`` with ``trained`` training images, and ``judged`` others of the training split to judge on.

    A teacher that has learned from the whole training split has made its pupil know images that it never saw: a
    self-taught mnist made 17 errors on 7,500 such images where one without a teacher made 38, and on validation images
    neither was better (8 epochs, one seed). Then validation images are the judges, at most ``judged``.

    Args:
        teachers: each made of the training split, or all by a trial of as many images, which learned from this part.

    Raises:
        DataError: the training split has fewer; a teacher did not learn from one of the two, or does not say from what.
    """
    train, others = _drawn(data, trained, judged)
    known = {record and record.data.train_sha256 for record in (training_record(one.path) for one in teachers)}
    if known <= {train.sha256}:
        return dataclasses.replace(data, train=train, validation=others)
    if not known <= {train.sha256, data.train.sha256}:
        raise DataError(
            f"{' or '.join(str(one.path) for one in teachers)} did not learn from the training split of {data.name} or "
            f"the part of it that is trained on, so that no image can judge: expected one that cnnedge train made"
        )
    judges = data.validation.take(range(min(judged, len(data.validation))))
    return dataclasses.replace(data, train=train, validation=judges)


def _drawn(data: Dataset, trained: int, judged: int) -> tuple[Split, Split]:
    if trained + judged > len(data.train):
        raise DataError(f"{data.name} has {len(data.train):,} training images, fewer than {trained:,} and {judged:,}")
    order = np.random.default_rng(0).permutation(len(data.train))[: trained + judged]
    first, then = np.sort(order[:trained]), np.sort(order[trained:])
    return data.train.take(first), data.train.take(then)


def measure_recipes(
    jobs: dict[str, TrainingJob], data: Dataset, seeds: Sequence[int], *, out: Path, work: Path,
    progress: Progress = silent,
) -> list[dict[str, Any]]:  # fmt: skip
    """Do each of ``jobs`` from each of ``seeds``, seed by seed, and write ``out`` after every one; the rows.

    What ``out`` already holds is not done again, and a training that was cut short goes on.

    Args:
        jobs: by what they are called, PRESENT among them. data: see ``held_out``. work: for networks and checkpoints.

    Raises:
        DataError: what ``out`` holds has other epochs or other numbers of images.
        CnnedgeError: a training failed.
    """
    present = jobs[PRESENT]
    of = {
        "model": present.network, "epochs": present.recipe.epochs, "half": present.recipe.half,
        "trained": len(data.train), "held_out": len(data.validation), "judges": data.validation.sha256,
    }  # fmt: skip
    document: dict[str, Any] = json.loads(out.read_bytes()) if out.is_file() else {"of": of, "rows": []}
    if document["of"] != of:
        raise DataError(f"{out} has trainings of {document['of']}, not of {of}: name another --out and --work")
    rows = document["rows"]
    for seed in seeds:
        for name, job in jobs.items():
            if any((row["recipe"], row["seed"]) == (name, seed) for row in rows):
                continue
            rows.append({"recipe": name, "seed": seed, **_trained(job, name, seed, data, work, progress)})
            write_atomically(out, (json.dumps(document, indent=1) + "\n").encode())
    return rows


def _trained(job: TrainingJob, name: str, seed: int, data: Dataset, work: Path, progress: Progress) -> dict[str, float]:
    def report(stage: str, done: int, total: int) -> None:
        progress(f"{name}, seed {seed}: {stage}", done, total)

    folder = work / f"{name.replace('/', '_')}-{seed}"
    job = dataclasses.replace(job, seed=seed)
    network = pipeline.train_and_save(job, data, folder=folder, resume=True, progress=report)
    epochs, seconds = epochs_and_seconds(folder / checkpoint.HISTORY)
    images = epochs * job.steps_per_epoch(data) * job.recipe.batch_size
    predictor = KerasPredictor(network)
    answers = np.concatenate([predictor.predict(images) for images, _ in data.validation.batches(BLOCK)])
    return {
        "top1": float((answers_of(answers) == data.validation.labels).mean()),
        "nll": negative_log_likelihood(answers, data.validation.labels),
        "images_per_s": images / seconds,
    }


def comparisons(rows: Sequence[dict[str, Any]]) -> list[Comparison]:
    """Every recipe that was tried beside the present one, in their order."""
    by_recipe: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_recipe.setdefault(row["recipe"], {})[row["seed"]] = row
    present = by_recipe.pop(PRESENT)
    return [_comparison(name, found, present) for name, found in by_recipe.items() if set(found) & set(present)]


def _comparison(name: str, found: dict[int, Any], present: dict[int, Any]) -> Comparison:
    seeds = sorted(set(found) & set(present))

    def difference(key: str) -> float:
        return statistics.mean(found[seed][key] for seed in seeds) - statistics.mean(
            present[seed][key] for seed in seeds
        )

    def spread(key: str) -> float:
        return max(
            max(of[seed][key] for seed in seeds) - min(of[seed][key] for seed in seeds) for of in (found, present)
        )

    return Comparison(name, len(seeds), difference("top1"), difference("nll"), spread("top1"), spread("nll"))
