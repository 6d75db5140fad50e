"""What happens around each step and each epoch of a training."""

import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnedge.errors import CnnedgeError
from cnnedge.progress import Progress
from cnnedge.training import checkpoint


def training_callbacks(
    network: keras.Model, folder: Path, *, name: str, seed: int, steps: int, epochs: int, progress: Progress
) -> list[keras.callbacks.Callback]:
    """The callbacks of one ``fit`` that trains ``network``, which its user calls ``name``, in an order that matters.

    The epoch's row gets its figures, is written to ``history.csv``, and only then the checkpoint says that the epoch is
    done: a training killed in between repeats the epoch and its row, and loses neither.
    """
    callbacks: list[keras.callbacks.Callback] = [
        Reseed(network, seed),
        Watch(f"train {name}", steps, epochs, progress),
        keras.callbacks.CSVLogger(folder / checkpoint.HISTORY, append=True),
    ]
    if keras.backend.backend() == "tensorflow":  # Keras writes TensorBoard logs through TensorFlow alone
        callbacks.append(keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False))
    return [*callbacks, Checkpoint(folder)]


class Reseed(keras.callbacks.Callback):
    """Makes dropout depend on the seed and the epoch alone, so that a resumed epoch drops what it would have.

    Keras leaves the state of the random generators out of what ``save_weights`` writes.
    """

    def __init__(self, network: keras.Model, seed: int) -> None:
        super().__init__()
        generators = [getattr(layer, "seed_generator", None) for layer in network.layers]
        self.states = [generator.state for generator in generators if generator is not None]
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for number, state in enumerate(self.states):
            fresh = np.random.SeedSequence((self.seed, epoch, number)).generate_state(2)
            state.assign(keras.ops.convert_to_tensor(fresh, dtype=state.dtype))


class Watch(keras.callbacks.Callback):
    """Tells ``progress`` about every step, stops a training that diverged, and times the epochs."""

    def __init__(self, stage: str, steps: int, epochs: int, progress: Progress) -> None:
        super().__init__()
        self.stage = stage
        self.steps = steps
        self.epochs = epochs
        self.progress = progress
        self.epoch = 0
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        if not math.isfinite(logs["loss"]):
            raise CnnedgeError(
                f"training diverged: the loss is {logs['loss']} in epoch {self.epoch + 1}, step {batch + 1}; "
                f"lower the peak_learning_rate"
            )
        self.progress(self.stage, self.epoch * self.steps + batch + 1, self.epochs * self.steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Add ``learning_rate`` (of the last step) and ``seconds`` to the row that CSVLogger writes next."""
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        logs["seconds"] = round(time.perf_counter() - self.began, 2)


class Checkpoint(keras.callbacks.Callback):
    """Writes the checkpoint of the training in ``folder`` at the end of each epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        checkpoint.save(self.folder, self.model)
