"""The first half of a training from a base: the base stays as it is, and a head learns to read what it sees."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.data import Split, evenly_spaced
from cnnedge.model.keras_file import save_keras
from cnnedge.model.source import read_source
from cnnedge.photos import imagenet
from cnnedge.progress import Progress, silent

if TYPE_CHECKING:
    import keras

# What a linear head of some hundred classes needs; each photo also mirrored.
MOST_IMAGES = 10_000
# What is seen of them, as float32: a network that ends in Flatten gives tens of thousands of numbers an image.
MOST_BYTES = 500_000_000
EPOCHS, RATE, BATCH = 40, 1e-3, 32
BLOCK = 64


def write_start(
    name: str, train: Split, num_classes: int, path: Path, *, seed: int, progress: Progress = silent
) -> None:
    """Write the base ``name`` with a trained head to ``path``: raw pixels in, probabilities out, and batch norms that
    a later training leaves alone, as few photos say too little of means and variances.

    Raises:
        CnnedgeError: see ``imagenet.base``.
    """
    import keras

    keras.utils.set_random_seed(seed)
    features = imagenet.base(name, train.image_shape[0], progress)
    dropped = keras.layers.Dropout(0.2, seed=seed)(features.output)
    head = keras.layers.Dense(num_classes, activation="softmax", name="probabilities")
    whole = keras.Model(features.inputs, head(dropped))
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch) / "bare.keras"
        whole.save(bare)
        network = read_source(bare, preprocessing=imagenet.preprocessing_of(name)).model
    write_with_head(network, train, path, progress=progress)


def write_with_head(
    network: "keras.Model", train: Split, path: Path, *, mirrored: bool = True, progress: Progress = silent
) -> None:
    """Train the last layer of ``network``, a Dense one with a softmax, and write it all to ``path``, as above.

    Args:
        mirrored: let it see each picture mirrored as well.
    """
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    _train_head(network, train, mirrored, progress)
    save_keras(network, path)


def _train_head(network: "keras.Model", train: Split, mirrored: bool, progress: Progress) -> None:
    """What the base sees of each photo never changes: it is calculated once, and the head alone is trained on it."""
    import keras

    last = network.layers[-1]
    most = MOST_BYTES // (2 * 4 * last.input.shape[1])
    train = evenly_spaced(train, min(MOST_IMAGES, max(1, most)))
    seen = _vectors(keras.Model(network.inputs[0], last.input), train, mirrored, progress)
    labels = np.resize(train.labels, len(seen))
    head = keras.Sequential([keras.Input(seen.shape[1:]), last])
    head.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy")
    head.fit(seen, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)


def _vectors(features: "keras.Model", train: Split, mirrored: bool, progress: Progress) -> np.ndarray:
    """float32 (N, features) of every photo, then as many of every photo mirrored."""
    found: list[list[np.ndarray]] = [[], []] if mirrored else [[]]
    for images, _ in train.batches(BLOCK):
        for place, pictures in zip(found, (images, images[:, :, ::-1]), strict=False):
            place.append(np.asarray(features(pictures.astype("float32"), training=False)))
        progress("what the base sees", min(len(found[0]) * BLOCK, len(train)), len(train))
    return np.concatenate([block for place in found for block in place])
