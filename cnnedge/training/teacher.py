"""What a network learned from, as its manifest keeps it: a teacher need not be shipped, but how good it is and what it
cost is known."""

from typing import Any

from cnnedge.data import Dataset
from cnnedge.manifest import training_record
from cnnedge.model.networks import count_macs
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress, silent
from cnnedge.records import to_json
from cnnedge.scoring.score import score
from cnnedge.training.job import SavedNetwork
from cnnedge.training.start import load_saved


def teacher_facts(teacher: SavedNetwork, data: Dataset, progress: Progress = silent) -> dict[str, Any]:
    """The teacher of a training on ``data``, measured on its validation split.

    Returns:
        ``parameters``; ``macs`` of one image; ``top1`` and ``images``: the fraction 0..1 of how many validation images
        it names right; ``training``: the record in its file as JSON, None if it was not trained here.

    Raises:
        ModelError: see ``start.load_saved``.
    """
    network = load_saved(teacher)
    found = score(KerasPredictor(network), data.validation, stage="evaluate the teacher", progress=progress)
    record = training_record(teacher.path)
    return {
        "parameters": network.count_params(),
        "macs": count_macs(network),
        "top1": found.top1,
        "images": found.images,
        "training": None if record is None else to_json(record),
    }
