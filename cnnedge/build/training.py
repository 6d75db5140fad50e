"""Training a network on any Keras backend: one call of ``fit``, and what stands around it."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnedge.build import checkpoint
from cnnedge.build.batches import AugmentedBatches
from cnnedge.build.distillation import distiller
from cnnedge.build.kerasfile import load_keras
from cnnedge.build.models import build_model, model_spec
from cnnedge.build.recipes import Recipe
from cnnedge.datasets import Dataset
from cnnedge.errors import CnnedgeError, DataError, ModelError
from cnnedge.files import sha256_of
from cnnedge.progress import Progress, silent

# Images for the new batch-norm statistics: 100 batches of 128. A mean over n images has a relative error of about
# 1/sqrt(n * positions), far below one int8 step from a few thousand images on.
STATISTICS_IMAGES = 12_800
EVALUATION_BATCH = 250


def train(
    model_name: str,
    data: Dataset,
    recipe: Recipe,
    *,
    folder: Path,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    init: Path | None = None,
    teacher: Path | None = None,
    progress: Progress = silent,
) -> keras.Model:
    """Train ``model_name`` on ``data.train`` and watch it on ``data.validation``; ``data.test`` is never read.

    Args:
        model_name: a key of ``models.MODELS``.
        data: images uint8 ``(N, H, W, C)`` of the model's input shape, labels int64 ``(N,)``.
        recipe: see ``recipes.Recipe``.
        folder: gets ``history.csv`` (a row per epoch), ``checkpoint/`` (until ``checkpoint.discard``) and, on the
            TensorFlow backend, ``tensorboard/``.
        seed: fixes weights, order, augmentation and dropout.
        resume: go on from the checkpoint in ``folder``; without one, begin at the first epoch.
        overwrite: replace a checkpoint that is there.
        init: ``.keras`` file whose weights to start from; its head is replaced if its classes differ in number.
        teacher: ``.keras`` file to learn from as well (distillation).
        progress: called after every step with the steps done and to do.

    Returns:
        The trained float model, raw pixels in and probabilities out, with averaged weights if the recipe says so.

    Raises:
        UsageError, FileExistsRefusal: see ``checkpoint.begin``.
        DataError: images of another shape, or fewer than one batch.
        ModelError: ``init`` or ``teacher`` cannot be used.
        CnnedgeError: the loss became infinite or not a number.
    """
    steps = _steps_per_epoch(model_name, data, recipe)
    keras.utils.set_random_seed(seed)
    network = _starting_network(model_name, data, seed, init)
    trainee = network
    if teacher is not None:
        trainee = distiller(
            network, load_keras(teacher), teacher_weight=recipe.teacher_weight, temperature=recipe.temperature
        )
    trainee.compile(
        optimizer=make_optimizer(recipe, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        # One fused program per step: 1.35 times as fast as TensorFlow's own kernels on two CPU cores.
        jit_compile=True,
    )
    identity = _identity(model_name, data, recipe, seed, init, teacher)
    checkpoint.begin(folder, identity, resume=resume, overwrite=overwrite)
    done = checkpoint.restore(folder, trainee, steps)
    checkpoint.trim_history(folder / checkpoint.HISTORY, done)
    batches = AugmentedBatches(
        data.train.images,
        data.train.labels,
        num_classes=len(data.labels),
        batch_size=recipe.batch_size,
        augmentation=recipe.augmentation,
        seed=seed,
        first_epoch=done,
    )
    validation = (
        data.validation.images.astype(np.float32),
        np.eye(len(data.labels), dtype=np.float32)[data.validation.labels],
    )
    trainee.fit(
        batches,
        shuffle=False,  # `batches` has its own order
        steps_per_epoch=steps,
        initial_epoch=done,
        epochs=recipe.epochs,
        validation_data=validation,
        validation_batch_size=EVALUATION_BATCH,
        callbacks=_callbacks(folder, Report(f"train {model_name}", steps, recipe.epochs, progress)),
        verbose=0,
    )
    if recipe.ema_momentum:
        # `fit` has put the averaged weights into the model; its batch-norm statistics are still those of the last.
        estimate_statistics(network, batches, epoch=recipe.epochs)
    return network


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """SGD with Nesterov momentum, a linear warm-up and a cosine to 0, decay on kernels only, a weight average."""
    total = steps_per_epoch * recipe.epochs
    warmup = round(total * recipe.warmup_fraction)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.peak_learning_rate,
        decay_steps=total - warmup,
        warmup_target=recipe.peak_learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.SGD(
        rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.ema_momentum > 0,
        ema_momentum=recipe.ema_momentum,
    )
    # Decay on batch norm's scale and shift would pull a normalized layer towards saying nothing.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def estimate_statistics(network: keras.Model, batches: AugmentedBatches, *, epoch: int) -> None:
    """Set every batch norm's mean and variance to their averages over training batches of ``epoch``, in place."""
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for step in range(min(batches.steps, math.ceil(STATISTICS_IMAGES / batches.batch_size))):
        for norm in norms:
            norm.momentum = step / (
                step + 1
            )  # the running mean of all batches so far, each with equal weight
        network(batches.batch(epoch, step)[0], training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def top1(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """The fraction 0..1 of uint8 ``images`` whose most probable class is in int ``labels``."""
    scores = network.predict(images.astype(np.float32), batch_size=EVALUATION_BATCH, verbose=0)
    return float(np.mean(scores.argmax(axis=1) == labels))


class Report(keras.callbacks.Callback):
    """Tells ``progress`` about every step, adds pace and rate to the epoch's row, and stops a diverged training."""

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

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {})["loss"]
        if not math.isfinite(loss):
            raise CnnedgeError(
                f"training diverged: the loss is {loss} in step {batch + 1} of epoch {self.epoch + 1}; "
                f"lower the recipe's peak_learning_rate or its batch size"
            )
        self.progress(self.stage, self.epoch * self.steps + batch + 1, self.epochs * self.steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:  # the dictionary that CSVLogger and TensorBoard get next
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            logs["seconds"] = round(time.perf_counter() - self.began, 2)


def _callbacks(folder: Path, report: Report) -> list[keras.callbacks.Callback]:
    """In this order: the row gets its figures, is written, and only then the epoch counts as done."""
    callbacks: list[keras.callbacks.Callback] = [
        report,
        keras.callbacks.CSVLogger(folder / checkpoint.HISTORY, append=True),
    ]
    if keras.backend.backend() == "tensorflow":
        callbacks.append(keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False))
    return [*callbacks, checkpoint.Checkpoint(checkpoint.weights_file(folder))]


def _steps_per_epoch(model_name: str, data: Dataset, recipe: Recipe) -> int:
    wanted = model_spec(model_name).input_shape
    if tuple(data.image_shape) != wanted:
        raise DataError(
            f"{data.name} has images of shape {tuple(data.image_shape)}, {model_name} takes {wanted}"
        )
    steps = len(data.train) // recipe.batch_size
    if steps == 0:
        raise DataError(
            f"{data.name} has {len(data.train)} training images, fewer than one batch of {recipe.batch_size}: "
            f"choose a smaller --batch-size"
        )
    return steps


def _starting_network(model_name: str, data: Dataset, seed: int, init: Path | None) -> keras.Model:
    """A fresh network, or the one in ``init`` with a head for the classes of ``data``."""
    if init is None:
        return build_model(model_name, num_classes=len(data.labels), seed=seed)
    network = load_keras(init)
    if network.input_shape[1:] != tuple(data.image_shape):
        raise ModelError(
            f"{init} takes images of shape {network.input_shape[1:]}, expected {tuple(data.image_shape)} as in {data.name}"
        )
    if network.output_shape[1] == len(data.labels):
        return network
    return replace_head(network, len(data.labels), seed)


def replace_head(network: keras.Model, num_classes: int, seed: int) -> keras.Model:
    """The same network with a fresh softmax layer for ``num_classes`` in place of its last Dense layer.

    Raises:
        ModelError: the last layer is not Dense.
    """
    last = network.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        raise ModelError(
            f"{network.name} ends in {type(last).__name__}, expected Dense: its head cannot be replaced"
        )
    head = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        name="probabilities",
    )
    return keras.Model(network.inputs[0], head(last.input), name=network.name)


def _identity(
    model_name: str, data: Dataset, recipe: Recipe, seed: int, init: Path | None, teacher: Path | None
) -> dict[str, Any]:
    """What a resumed training must have in common with the one that was killed."""
    return {
        "model": model_name,
        "seed": seed,
        **dataclasses.asdict(recipe),
        "data": data.train.sha256,
        "validation": data.validation.sha256,
        "init": sha256_of(Path(init).read_bytes()) if init else None,
        "teacher": sha256_of(Path(teacher).read_bytes()) if teacher else None,
    }
