"""``python -m tests.support.train_slice SEED``: train the mnist network on 5,000 digits with the backend that
``KERAS_BACKEND`` names, and print the fraction right of all test digits and the backend."""

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

from cnnedge import data as datasets
from cnnedge.model.backend import require_keras
from cnnedge.training.job import TrainingJob
from cnnedge.training.recipes import recipe

TRAIN_IMAGES = 5000
RECIPE = dataclasses.replace(recipe("mnist", "quick"), epochs=3, batch_size=50, peak_learning_rate=0.05)


def main(seed: int) -> None:
    backend = require_keras()
    from cnnedge.model.predictor import KerasPredictor
    from cnnedge.scoring.score import score
    from cnnedge.training.fit import train

    data = datasets.load("mnist")
    part = data.train.take(np.arange(TRAIN_IMAGES))
    few = dataclasses.replace(data, train=part, validation=data.validation.take(np.arange(100)))
    with tempfile.TemporaryDirectory() as folder:
        network = train(TrainingJob("mnist", RECIPE, seed), few, folder=Path(folder))
    print(score(KerasPredictor(network), data.test).top1, len(data.test), backend)


if __name__ == "__main__":
    main(int(sys.argv[1]))
