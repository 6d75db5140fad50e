"""Classifier: a model file, an image in, labels with scores out. What an application uses."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ImageError, ModelError
from cnnedge.formats.model_file import ModelFile, open_model_file
from cnnedge.images.decode import decode
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from cnnedge.images.decode import Source

# Images that a worker of predict_batch takes at a time: enough to make handing over (about 20 us) small
# beside the work, few enough that memory stays flat (3 MB of CIFAR-10 images in flight with 4 workers).
BATCH = 64


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class of one image: its label, its index in the output, and its probability ``score`` 0..1.

    ``score`` is nan for a file that gives no probabilities (logits); ``value`` is what came out.
    """

    label: str
    index: int
    score: float
    value: float = field(default=math.nan, compare=False)


class Classifier:
    """Classifies images with one ``.tflite`` or ``.onnx`` file.

    The labels come from the passport inside the file. For a file without one (another tool's), labels and scaling of
    the pixels are those of its TFLite metadata, or what ``ModelFile.told`` was told. Where nobody says, the classes
    are called "0", "1", ... and raw pixels 0..255 are tried, which a file made for scaled images answers wrongly;
    ``remark`` says what is not known, and is None for a file with a passport.

    >>> with Classifier("exported/mnist/mnist_int8_qat.tflite") as classifier:  # doctest: +SKIP
    ...     best = classifier.predict("digit.png", top=1)[0]

    For one thread at a time; ``predict_batch`` spreads its own work over ``workers``.
    """

    def __init__(self, path: ModelFile | Path | str, num_threads: int = 1) -> None:
        """Open a model file, or take an opened one; ``num_threads`` is how many the runtime may use for one image.

        Raises:
            ModelError: the file is absent, damaged or no image classifier, or its labels do not fit it.
            MissingPackageError: the runtime for its format is not installed.
        """
        self.file = path if isinstance(path, ModelFile) else open_model_file(path)
        self._runner = open_runner(self.file, num_threads=num_threads)
        self.labels = self.file.class_names(self._runner.num_classes)
        self.remark = self.file.remark(self._runner.num_classes)

    @property
    def has_passport(self) -> bool:
        return self.file.passport is not None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of the image that the file takes; other sizes are scaled to it."""
        return self._runner.input_shape

    def predict(self, image: "Source", top: int = 5) -> list[Prediction]:
        """The ``top`` likeliest classes of one image, best first (all of them, if there are fewer).

        Args:
            image: a path, encoded bytes, a binary stream, a Pillow image, or a uint8 array ``(H, W)``,
                ``(H, W, 1)`` or ``(H, W, 3)``, pixels 0..255, RGB; see cnnedge.images.decode.
            top: how many classes to return, at least 1.

        Raises:
            ImageError: the image cannot be decoded.
        """
        runner = self._runner
        pixels = decode(image, runner.input_shape)
        raw = runner.run(runner.prepare(pixels[np.newaxis]))
        return self._best(runner.probabilities(raw)[0], top)

    def predict_batch(self, images: Iterable["Source"], top: int = 5, workers: int = 1) -> Iterator[list[Prediction]]:
        """``predict`` for many images, in their order, as they come: memory does not grow with their number.

        ``workers`` interpreters share the work, one core each; use ``os.cpu_count()`` for every core.

        Raises:
            ImageError: an image cannot be decoded; those before it have been returned.
            ValueError: ``workers`` is below 1.
        """
        if workers < 1:
            raise ValueError(f"workers is {workers}, expected at least 1")
        shape = self._runner.input_shape
        return self._scores_in_order((decode(image, shape) for image in images), top, workers)

    def _scores_in_order(self, pixels: Iterator[np.ndarray], top: int, workers: int) -> Iterator[list[Prediction]]:
        from concurrent.futures import ThreadPoolExecutor

        idle: SimpleQueue[Runner] = SimpleQueue()
        opened = [open_runner(self.file) for _ in range(workers - 1)]
        for runner in (self._runner, *opened):
            idle.put(runner)

        def score(block: np.ndarray) -> np.ndarray:
            runner = idle.get()
            try:
                return runner.predict(block)
            finally:
                idle.put(runner)

        try:
            with ThreadPoolExecutor(workers) as pool:
                for scores in _in_order(pool, score, _blocks(pixels), ahead=workers):
                    yield self._best(scores, top)
        finally:
            for runner in opened:
                runner.close()

    def _best(self, scores: np.ndarray, top: int) -> list[Prediction]:
        if top < 1:
            raise ValueError(f"top is {top}, expected at least 1")
        if not np.isfinite(scores).all():
            raise ModelError(f"{self.file.name} gives values that are no numbers: its weights are damaged or too large")
        order = (-scores).argsort(kind="stable")[:top].tolist()
        values = scores.tolist()
        certain = self.file.contract.gives_probabilities
        return [
            Prediction(self.labels[index], index, values[index] if certain else math.nan, values[index])
            for index in order
        ]

    def close(self) -> None:
        """Let go of the runtime's memory; the classifier cannot be used afterwards."""
        self._runner.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def _blocks(pixels: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Stack images to blocks of BATCH; the images before one that fails still come out."""
    block: list[np.ndarray] = []
    try:
        for image in pixels:
            block.append(image)
            if len(block) == BATCH:
                yield np.stack(block)
                block = []
    except ImageError:
        if block:
            yield np.stack(block)
        raise
    if block:
        yield np.stack(block)


def _in_order(
    pool: "ThreadPoolExecutor",
    work: Callable[[np.ndarray], np.ndarray],
    blocks: Iterator[np.ndarray],
    ahead: int,
) -> Iterator[np.ndarray]:
    """The rows of ``work(block)`` in the blocks' order, with at most ``ahead`` blocks waiting."""
    pending: deque[Future[np.ndarray]] = deque()
    try:
        for block in blocks:
            pending.append(pool.submit(work, block))
            if len(pending) > ahead:
                yield from pending.popleft().result()
    except ImageError:
        while pending:
            yield from pending.popleft().result()
        raise
    while pending:
        yield from pending.popleft().result()
