"""Training a network on any Keras backend: one call of ``fit``, and what stands around it."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np

from cnnedge.data import Dataset, Split
from cnnedge.errors import UsageError
from cnnedge.manifest import TrainingRecord
from cnnedge.progress import Progress, silent
from cnnedge.records import from_json, to_json
from cnnedge.training import checkpoint
from cnnedge.training.batches import AugmentedBatches, PlainBatches
from cnnedge.training.callbacks import training_callbacks
from cnnedge.training.cost import this_machine
from cnnedge.training.distillation import distiller
from cnnedge.training.job import TrainingJob
from cnnedge.training.learner import answering, learner_of
from cnnedge.training.muon import ConvolutionMuon
from cnnedge.training.parts import Part
from cnnedge.training.placement import own_part
from cnnedge.training.recipes import BRANCHES, Recipe
from cnnedge.training.reparameterize import fuse, with_branches
from cnnedge.training.start import load_saved, starting_network
from cnnedge.training.workers import from_first

# Images for the new batch-norm statistics. Even if all values of one image were the same, their mean over this many
# images would lie within 1/72 of a standard deviation.
STATISTICS_IMAGES = 5_120
# Images in one step of the evaluation, and the most bytes that they are as float32: 8 of 224 x 224. What a step took
# stays with the process; with 33 images, and batches of 100 MB ahead, that was 120 to 150 MB more.
EVALUATION_BATCH, EVALUATION_BYTES = 250, 5_000_000


def train(
    job: TrainingJob,
    data: Dataset,
    *,
    folder: Path,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> keras.Model:
    """Do ``job`` on ``data.train`` and watch it on ``data.validation``; ``data.test`` is never read.

    Args:
        job: what to train and how; its data identity is that of ``data``, or not yet known.
        data: images uint8 ``(N, H, W, C)`` of the network's input shape, labels int64 ``(N,)``.
        folder: gets ``history.csv`` (a row per epoch), ``checkpoint/`` (stays until ``checkpoint.discard``, so that the
            caller can save the model first and ``checkpoint.mark_trained``) and, on the TensorFlow backend,
            ``tensorboard/``.
        resume: go on from the checkpoint in ``folder``; without one, begin at the first epoch. What is marked as
            trained is not trained again.
        overwrite: replace a checkpoint that is there.
        progress: called after every step with the steps done and to do.

    Returns:
        The trained float model, raw pixels in and probabilities out, with averaged weights if the recipe keeps an
        average.

    Raises:
        FileExistsRefusal, UsageError: see ``checkpoint.begin``; the first of several workers does another job.
        DataError: images of another shape, or fewer than one batch.
        ModelError: ``job.init``, ``job.teacher`` or the checkpoint cannot be used.
        CnnedgeError: the loss became infinite or not a number.
    """
    job = job.on(data)
    _check_same(job)
    recipe, steps = job.recipe, job.steps_per_epoch(data)
    keras.utils.set_random_seed(job.seed)
    plain = starting_network(job, num_classes=len(data.labels))
    network = plain if recipe.branches == "none" else with_branches(plain, BRANCHES[recipe.branches])
    # A network from a file has layers of any kind, and is fitted in its own arithmetic.
    learner = learner_of(network, half=recipe.half) if job.init is None else network
    trainee = compiled(learner, job, steps)
    trained = checkpoint.begin(folder, job, resume=resume, overwrite=overwrite)
    if trained is not None:
        return load_saved(trained)
    epochs_done = checkpoint.restore(folder, trainee, steps)
    checkpoint.begin_part(folder, job, Part(epochs_done, recipe.epochs, half=recipe.half, **this_machine()))
    batches = AugmentedBatches(
        data.train,
        num_classes=len(data.labels),
        batch_size=recipe.batch_size,
        augmentation=recipe.augmentation,
        seed=job.seed,
        first_epoch=epochs_done,
        part=own_part(recipe.batch_size),
    )
    trainee.fit(
        batches,
        steps_per_epoch=steps,
        initial_epoch=epochs_done,
        epochs=recipe.epochs,
        shuffle=False,  # the batches come in an order of their own
        validation_data=PlainBatches(
            data.validation, num_classes=len(data.labels), batch_size=evaluation_batch(data.validation)
        ),
        callbacks=training_callbacks(
            learner,
            folder,
            name=Path(job.file).stem,
            seed=job.seed,
            steps=steps,
            epochs=recipe.epochs,
            progress=progress,
        ),
        verbose=0,
    )
    if learner is not network:
        network.set_weights(learner.get_weights())
    if recipe.ema_momentum:
        # `fit` leaves the averaged weights in the model; the batch-norm statistics belong to the last ones.
        estimate_statistics(network, batches, epoch=recipe.epochs)
    if network is not plain:
        fuse(network, into=plain)
    return plain


def _check_same(job: TrainingJob) -> None:
    own = json.dumps(to_json(job.record(backend=keras.backend.backend(), versions={}))).encode()
    first = from_first(own)
    other = job if first == own else TrainingJob.from_record(from_json(TrainingRecord, json.loads(first)))
    difference = other.difference(job)
    if difference is not None:
        raise UsageError(f"the first worker trains with {difference}: give all workers the same command and data")


def evaluation_batch(split: Split) -> int:
    return max(1, min(EVALUATION_BATCH, EVALUATION_BYTES // (4 * int(np.prod(split.image_shape)))))


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """SGD with Nesterov momentum, warm-up and cosine to 0, decay on kernels only, and a weight average; with a
    ``muon_rate``, see ``ConvolutionMuon``."""
    total = steps_per_epoch * recipe.epochs
    warmup = round(total * recipe.warmup_fraction)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.peak_learning_rate,
        decay_steps=total - warmup,
        warmup_target=recipe.peak_learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    kind: Callable[..., keras.optimizers.Optimizer] = partial(keras.optimizers.SGD, nesterov=True)
    if recipe.muon_rate:
        kind = partial(ConvolutionMuon, peak=recipe.peak_learning_rate, muon_rate=recipe.muon_rate)
    optimizer = kind(
        rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.ema_momentum > 0,
        # The average must forget the initial weights: its horizon is at most a tenth of the run (e**-10 is left).
        ema_momentum=min(recipe.ema_momentum, max(0.0, 1 - 10 / total)),
    )
    # Biases, and the scale and shift of batch norm, are few and not what over-fits: only kernels decay.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def estimate_statistics(network: keras.Model, batches: AugmentedBatches, *, epoch: int) -> None:
    """Set each batch norm's mean and variance to their averages over batches of ``epoch``, in place."""
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    running = [variable for norm in norms for variable in (norm.moving_mean, norm.moving_variance)]
    sums = [np.zeros(variable.shape) for variable in running]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # what is running is then the last batch's own
    forward = _forward(network)
    steps = min(batches.steps, math.ceil(STATISTICS_IMAGES / batches.batch_size))
    for step in range(steps):
        forward(batches.batch(epoch, step)[0])
        for total, variable in zip(sums, running, strict=True):
            total += keras.ops.convert_to_numpy(variable)
    for total, variable in zip(sums, running, strict=True):
        variable.assign(total / steps)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _forward(network: keras.Model) -> Callable[[np.ndarray], object]:
    """The network as it is called in training, without holding what all its layers give until the last one has, as
    TensorFlow does where it runs it layer by layer (``scripts/data_memory.py --commands photos`` shows the peak)."""

    def forward(images: np.ndarray) -> object:
        return network(images, training=True)

    if keras.backend.backend() != "tensorflow":
        return forward
    import tensorflow as tf

    return tf.function(forward, reduce_retracing=True)


def compiled(network: keras.Model, job: TrainingJob, steps: int) -> keras.Model:
    """What ``fit`` is called on: the network, or a distiller around it.

    Raises:
        ModelError: ``job.teacher`` cannot be read or taken, see ``learner.answering`` and ``distillation``.
    """
    recipe, trainee = job.recipe, network
    if job.teacher is not None:
        trainee = distiller(
            network,
            answering(load_saved(job.teacher), half=recipe.half),
            teacher_weight=recipe.teacher_weight,
            temperature=recipe.temperature,
        )
    trainee.compile(
        optimizer=make_optimizer(recipe, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=jit_compile(),
    )
    return trainee


def jit_compile() -> bool | str:
    """Keras's own choice, except on TensorFlow without a GPU: there XLA is off.

    On two x86 cores (AVX2, shared with other work; best of 3 short runs) TensorFlow's own kernels trained cifar10 at
    430 images a second and XLA's at 320, for 3.7 and 4.7 ms of processor time an image. For mnist the pace was the
    same within the scatter, the processor time 0.72 against 0.94 ms.
    """
    if keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu"):
        return False
    return "auto"
