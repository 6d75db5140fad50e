"""Batches for ``fit``: augmented ones, the same for the same seed wherever a training is taken up, and plain ones."""

import logging

import keras
import numpy as np

from cnnedge.data import Split
from cnnedge.errors import ImageError
from cnnedge.training.augment import augment
from cnnedge.training.mixing import mix
from cnnedge.training.recipes import Augmentation

# Keras makes up to ten batches ahead; ten of 128 photos of 224 x 224 are 770 MB. Four of 8 photos, which take 0.6 s to
# learn from each, are enough.
AHEAD_BYTES = 20_000_000
_log = logging.getLogger(__name__)


def _ahead(split: Split, batch_size: int) -> int:
    """How many batches may lie ready."""
    return max(2, min(10, AHEAD_BYTES // (4 * batch_size * int(np.prod(split.image_shape)))))


class _Pictures:
    """The pictures of a split, some of which may go away during hours of training: each is said once, and another one
    of its batch takes its place."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self._lost: list[int] = []

    def at(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As many indices as ``chosen`` has, those of pictures that are there, and their pixels.

        Raises:
            ImageError: of these, none is there.
        """
        there = self._there(chosen)
        try:
            return there, self.split.pixels(there)
        except ImageError:
            self._find_lost(there)
        there = self._there(chosen)
        return there, self.split.pixels(there)

    def _there(self, chosen: np.ndarray) -> np.ndarray:
        found = chosen[~np.isin(chosen, self._lost)]
        if not len(found):
            raise ImageError(f"none of the {len(chosen)} pictures of a batch can be read any more")
        return np.resize(found, len(chosen))

    def _find_lost(self, indices: np.ndarray) -> None:
        for index in np.unique(indices).tolist():
            try:
                self.split.pixels([index])
            except ImageError as error:
                self._lost.append(index)
                _log.warning("%s; the training goes on without it", error)


class PlainBatches(keras.utils.PyDataset):
    """The images of a split as they are, in their order, for the evaluation after each epoch: pairs as in
    ``AugmentedBatches``. A split of thousands of photos never lies in memory as floats.

    The first one may be shorter: from the first, Keras concludes how all of them are laid out on several devices.
    """

    def __init__(self, split: Split, *, num_classes: int, batch_size: int) -> None:
        super().__init__(workers=1, max_queue_size=_ahead(split, batch_size))
        self.split = split
        self._pictures = _Pictures(split)
        self.one_hot = np.eye(num_classes, dtype=np.float32)[split.labels]
        self.batch_size = batch_size

    @property
    def num_batches(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        stop = len(self.split) - (self.num_batches - 1 - index) * self.batch_size
        chosen, pixels = self._pictures.at(np.arange(max(0, stop - self.batch_size), stop))
        return pixels.astype(np.float32), self.one_hot[chosen]


class AugmentedBatches(keras.utils.PyDataset):
    """An endless row of batches; batch ``i`` belongs to epoch ``i // steps`` and depends on nothing but
    ``i``.

    Endless, because ``fit`` then keeps one iterator over all epochs: batches are made ahead in a thread of their own,
    across the end of an epoch and during validation too, and no callback has to tell this object which epoch it is.
    Every epoch goes through the images in a new order; the images that do not fill the last batch are left out, other
    ones each time, so that the compiled step sees one shape.

    Batch ``i`` is a pair: float32 images ``(batch, H, W, C)`` with values 0..255, and float32 labels ``(batch,
    classes)``, one-hot or, of images that were mixed, in their proportion. Where several machines train, each takes its
    ``part`` of the batch that one would make.
    """

    def __init__(
        self,
        split: Split,
        *,
        num_classes: int,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        first_epoch: int = 0,
        part: slice = slice(None),
    ) -> None:
        super().__init__(workers=1, max_queue_size=_ahead(split, batch_size))
        self.part = part
        self.split = split
        self._pictures = _Pictures(split)
        self.one_hot = np.eye(num_classes, dtype=np.float32)[split.labels]
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.first_epoch = first_epoch
        self.steps = len(split) // batch_size
        # Alternating flips: which images are mirrored in even epochs; the others are mirrored in odd ones. Two epochs
        # then show every image both ways, which random flips do for only half of them.
        self._mirrored_first = np.random.default_rng(seed).random(len(split)) < 0.5
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    @property
    def num_batches(self) -> None:
        """None: ``fit`` is told ``steps_per_epoch`` and goes on from there."""
        return None

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(index, self.steps)
        images, classes = self.batch(self.first_epoch + epoch, step)
        return images[self.part], classes[self.part]

    def batch(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch ``step`` of epoch ``epoch``, both counted from 0 at the very start of the training."""
        wanted = self._order_of(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        chosen, pixels = self._pictures.at(wanted)
        mirrored = self._mirrored_first[chosen] ^ bool(epoch % 2)
        rng = np.random.default_rng((self.seed, epoch, step))
        images = augment(pixels, self.augmentation, mirrored, rng)
        return mix(images.astype(np.float32), self.one_hot[chosen], self.augmentation, rng)

    def _order_of(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.split))
            self._order = (epoch, order)
        return self._order[1]
