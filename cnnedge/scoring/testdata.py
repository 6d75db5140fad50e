"""Which test images a set of files is measured with: those asked for, or those that the files' own records name."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import CnnedgeError, UsageError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.manifest import FOLDER, DataFacts, Manifest, TrainedOn, training_record
from cnnedge.progress import Progress, silent
from cnnedge.records import from_json

if TYPE_CHECKING:
    from cnnedge.data import Dataset, FolderOptions

Recorded = DataFacts | TrainedOn
_log = logging.getLogger(__name__)


def choose_dataset(
    data: str | None,
    exported: Sequence[Path],
    keras: Sequence[Path],
    *,
    options: "FolderOptions | None" = None,
    progress: Progress = silent,
) -> "Dataset":
    """The dataset asked for, or the one that the passport of a file, or a training's record, names.

    The classes of a folder take the order of the labels in ``options``, else of those that the first file brings.

    Raises:
        UsageError: no record names a published dataset, or the data has other classes than every file.
        DataError: see ``data.load``.
    """
    from cnnedge import data as datasets
    from cnnedge.data.known_classes import compare_classes, doubt_unseen, known_classes

    files = _readable(exported)
    records: list[Recorded | None] = [*map(_exported_with, files), *map(_trained_on, keras)]
    record = next((one for one in records if one is not None), None)
    chosen = data or _recorded_name(record, files, keras)
    # For a folder without a test split the seed chooses the test images: another one would test on trained ones.
    seed = record.seed if isinstance(record, DataFacts) else 0
    options = options or datasets.FolderOptions()
    answered = {} if options.labels else {path: known_classes(path, training_record(path)) for path in keras}
    if options.labels is None:
        brought = [*(file.labels for file in files), *answered.values()]
        options = replace(options, labels=next((labels for labels in brought if labels), None))
    found = datasets.load(chosen, seed=seed, image_shape=_image_shape(chosen, files), folder=options, progress=progress)
    found = next((as_exported(found, file) for file in files if file.labels), found)
    _refuse_other_classes(found, files)
    notes = {path.name: compare_classes(found, known, path) for path, known in answered.items() if not files}
    if record is None and (files or keras):
        notes[files[0].name if files else keras[0].name] = doubt_unseen(found, None)
    for name, note in notes.items():
        if note:
            _log.warning("%s: %s", name, note)
    return found


def as_exported(dataset: "Dataset", file: ModelFile) -> "Dataset":
    """The dataset with the names that ``file`` has for its classes, if it was exported with these very test images:
    ``export --labels`` gives classes other names than their folders have."""
    from cnnedge import data as datasets

    labels, record = file.labels or (), _exported_with(file)
    if record is None or len(labels) != len(dataset.labels) or set(labels) == set(dataset.labels):
        return dataset
    return datasets.named(dataset, labels) if record.test.sha256 == dataset.test.sha256 else dataset


def refuse_other_data(dataset: "Dataset", manifest: Manifest) -> None:
    """See that ``dataset`` is what the files of ``manifest`` were exported and tested with.

    The bundled sample passes for the dataset that it is a part of.

    Raises:
        UsageError: it is other data.
    """
    known = manifest.data
    if known is None or dataset.test.sha256 == known.test.sha256 or (dataset.is_sample and dataset.name == known.name):
        return
    raise UsageError(
        f"{manifest.model} was tested with {known.test.images:,} images of {known.name}, and the "
        f"{len(dataset.test):,} of {dataset.name} are others: give --data the data of its export"
    )


def _readable(paths: Sequence[Path]) -> list[ModelFile]:
    """The files that can be read; the rows of the others will say what is wrong with them."""
    found = []
    for path in paths:
        try:
            file = open_model_file(path)
            _ = file.passport, file.labels
        except CnnedgeError:
            continue
        found.append(file)
    return found


def _exported_with(file: ModelFile) -> DataFacts | None:
    """The data that the passport names; None without passport or data."""
    made_with = file.passport.made.get("data") if file.passport else None
    try:
        return from_json(DataFacts, made_with) if made_with else None
    except ValueError:  # an earlier version's
        return None


def _trained_on(keras: Path) -> TrainedOn | None:
    record = training_record(keras)
    return None if record is None else record.data


def _recorded_name(record: Recorded | None, files: Sequence[ModelFile], keras: Sequence[Path]) -> str:
    from cnnedge import data as datasets

    known = datasets.names()
    if record is None:
        raise UsageError(f"no file says which images it was made for: add --data {'|'.join(known)} or --data DIR")
    if record.source == FOLDER or record.name not in known:
        first = files[0].name if files else keras[0].name
        raise UsageError(f"{first} was made with pictures of one's own, the folder {record.name}: add --data DIR")
    return record.name


def _refuse_other_classes(dataset: "Dataset", files: Sequence[ModelFile]) -> None:
    """Other classes in all files that name them: not their data. If only some differ, their rows will say so."""
    named = [(file, file.labels) for file in files if file.labels]
    if named and all(set(labels) != set(dataset.labels) for _, labels in named):
        file, labels = named[0]
        raise UsageError(
            f"{dataset.name} is not the data of {file.name}: its classes are {', '.join(labels)}; the data's are "
            f"{', '.join(dataset.labels)}"
        )


def _image_shape(name: str, files: Sequence[ModelFile]) -> tuple[int, int, int] | None:
    """(height, width, channels) of the first file that takes images as dataset ``name`` (or any folder) has them.

    None if there is none; the rows of the others will say what does not fit.
    """
    from cnnedge import data as datasets

    for file in files:
        shape = _channels_last(file)
        if shape is not None and (name not in datasets.names() or datasets.has_shape(name, shape)):
            return shape
    return None


def _channels_last(file: ModelFile) -> tuple[int, int, int] | None:
    """(height, width, channels) of the image that a file takes; None for a file that takes no image."""
    try:
        shape = file.facts.inputs[0].shape or ()
    except CnnedgeError:  # its row will say what is wrong with it
        return None
    sizes = [size for size in shape[1:] if size]
    if len(shape) != 4 or len(sizes) != 3:
        return None
    height, width, channels = sizes if sizes[2] in (1, 3) else (*sizes[1:], sizes[0])
    return height, width, channels
