"""Where a training starts: a fresh network, or one that was trained before."""

import keras

from cnnedge.errors import ModelError
from cnnedge.model.keras_file import load_keras
from cnnedge.training.job import SavedNetwork, TrainingJob

# What may stand between a head and the end: it has no weights.
_BEHIND_A_HEAD = (
    keras.layers.Softmax,
    keras.layers.Activation,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Dropout,
)


def starting_network(job: TrainingJob, *, num_classes: int) -> keras.Model:
    """A fresh network, or the one that ``job`` starts from with a head for ``num_classes``.

    Raises:
        ModelError: ``job.init`` cannot be read, takes images of another shape than the job's network, or has another
            number of classes and no Dense layer at its end that could be replaced.
    """
    if job.init is None:
        return job.spec.build(num_classes, job.width, job.seed)
    network = load_saved(job.init)
    _check_images(job.init, network, job)
    if network.output_shape[1] == num_classes:
        return network
    return replace_head(network, num_classes, job.seed)


def check_saved(job: TrainingJob) -> None:
    """Read the files that ``job`` starts and learns from, before the long work.

    Raises:
        ModelError: one cannot be read, or takes images of another shape than the job's network.
    """
    for saved in (job.init, job.teacher):
        if saved is not None:
            _check_images(saved, load_saved(saved), job)


def _check_images(saved: SavedNetwork, network: keras.Model, job: TrainingJob) -> None:
    expected = job.spec.input_shape
    if network.input_shape[1:] != expected:
        raise ModelError(
            f"{saved.path} takes images of shape {network.input_shape[1:]}, expected {expected} as {job.network} does: "
            "leave the name of the network out to train this one as it is"
        )


def load_saved(saved: SavedNetwork) -> keras.Model:
    """The network in the file.

    Raises:
        ModelError: see ``keras_file.load_keras``; the file is no longer the one of the job.
    """
    network = load_keras(saved.path)
    found = SavedNetwork.of(saved.path).sha256
    if found != saved.sha256:
        raise ModelError(f"{saved.path} has changed: SHA-256 {found}, expected {saved.sha256}; begin again with it")
    return network


def replace_head(network: keras.Model, num_classes: int, seed: int) -> keras.Model:
    """The same network, sharing its layers, with a fresh softmax layer in place of its last Dense layer, or of the
    convolution that gives a map of classes.

    Raises:
        ModelError: nothing of the kind stands at its end.
    """
    last = network.layers[-1]
    while isinstance(last, _BEHIND_A_HEAD):
        last = last.input._keras_history.operation
    if not isinstance(last, keras.layers.Dense | keras.layers.Conv2D):
        raise ModelError(f"{network.name} ends in {type(last).__name__}, expected Dense: its head cannot be replaced")
    seen = last.input if len(last.input.shape) == 2 else keras.layers.GlobalAveragePooling2D(name="seen")(last.input)
    others = {layer.name for layer in keras.Model(network.inputs[0], seen).layers}
    head = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        name="new_probabilities" if "probabilities" in others else "probabilities",
    )
    return keras.Model(network.inputs[0], head(seen), name=network.name)
