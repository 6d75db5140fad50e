"""The Runner: predicts with one model file on one runtime, raw pixels in, probabilities out.

Whatever the runtime, a caller sees the same four steps, so that a benchmark can time one of them alone:

    prepare          uint8 pixels -> the file's own input dtype, by the file's own quantization parameters
    run              the runtime call, and nothing else
    probabilities    the raw output -> float32, by the file's own quantization parameters
    predict          all three, over any number of images
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.images.normalization import RAW, Normalization, pixel_table

# Images that `predict` prepares, and a file with a free batch runs, at a time: 250 CIFAR-10 images in float32
# are 3 MB, and 250 divides the 10,000 test images. Of larger ones fewer: 20 of 224 x 224, whose maps in a network with
# a free batch are some hundred MB.
BLOCK, BLOCK_PIXELS = 250, 1_000_000
DEVICES = ("cpu", "gpu")


@dataclass(frozen=True)
class TensorSpec:
    """One tensor at the edge of a file: ``shape[0]`` None is a free batch, ``scale`` 0.0 is not quantized."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True)
class Ends:
    """What goes in and what comes out; ``free_batch``: any number of images at a time, otherwise one."""

    input: TensorSpec
    output: TensorSpec
    free_batch: bool = False


@dataclass(frozen=True)
class Place:
    """Where a file runs: the runtime with its version, such as ``LiteRT 2.3.0``, on ``cpu`` or ``gpu``."""

    runtime: str
    device: str = "cpu"
    num_threads: int = 1


class Runner(ABC):
    """One model file on one runtime, for one thread at a time. Subclasses give ``run`` and ``close``.

    Attributes:
        name: the file's name.
        format: ``tflite``, ``onnx`` or ``keras``.
        runtime: the runtime and its version, such as ``LiteRT 2.3.0``.
        device: ``cpu`` or ``gpu``.
        num_threads: threads that the runtime may use for one call.
        input, output: the file's image tensor and its class tensor, as the file declares them.
        input_shape: ``(height, width, channels)`` of one image, whatever the file's own axis order.
        num_classes: length of the output.
        channels_first: whether the file puts channels before height.
        normalization: what the file is fed instead of pixels.
        pixel_table: the input value of each pixel value: ``(256,)``, or ``(256, channels)`` where the channels differ;
            None where the pixels stay as they are but for their type.
    """

    def __init__(self, name: str, format: str, ends: Ends, place: Place, normalization: Normalization = RAW) -> None:
        """Keep the facts of an opened file and check that it is an image classifier.

        ``normalization`` is what the file wants to be fed instead of pixels.

        Raises:
            ModelError: the tensors are not those of an image classifier that takes pixels.
            ValueError: ``normalization`` is for another number of channels.
        """
        self.name, self.format = name, format
        self.runtime, self.device, self.num_threads = place.runtime, place.device, place.num_threads
        self.input, self.output, self.free_batch = ends.input, ends.output, ends.free_batch
        self.input_shape, self.channels_first = _image_shape(name, ends.input)
        self.num_classes, self.normalization = _class_count(name, ends.output), normalization
        _check_output_dtype(name, ends.output)
        self.pixel_table = _table(name, ends.input, self.input_shape[2], normalization)

    @abstractmethod
    def run(self, batch: np.ndarray) -> np.ndarray:
        """Run the file on a prepared ``batch`` and return the raw output, in the file's own dtype.

        Nothing but the runtime call happens here. A batch of one is always allowed; more, if ``free_batch``.
        """

    @property
    def nodes(self) -> tuple[int, int] | None:
        """How many nodes of the file its delegate or GPU runs, and how many there are; None where there is none."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of the runtime's memory; the runner cannot be used afterwards."""

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Bring uint8 ``images`` ``(N, H, W, C)``, pixels 0..255, into the input's own dtype and axis order.

        A quantized input takes ``round(pixel / scale) + zero_point``, within its type's limits; the normalization
        that the file was opened with comes before.

        Raises:
            ValueError: ``images`` has another dtype or shape.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.input_shape:
            expected = ", ".join(str(size) for size in self.input_shape)
            raise ValueError(
                f"images are {images.dtype} {images.shape}, expected uint8 (N, {expected}): decode them first"
            )
        if self.pixel_table is None:
            prepared = images.astype(self.input.dtype, copy=False)
        elif self.pixel_table.ndim == 1:
            prepared = self.pixel_table[images]
        else:
            prepared = self.pixel_table[images, np.arange(images.shape[3])]
        return np.ascontiguousarray(prepared.transpose(0, 3, 1, 2)) if self.channels_first else prepared

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Turn raw outputs ``(N, ...)`` into float32 ``(N, classes)``.

        A quantized output means ``(raw - zero_point) * scale``.
        """
        values = raw.reshape(len(raw), -1).astype(np.float32)
        if self.output.scale:
            values -= np.float32(self.output.zero_point)
            values *= np.float32(self.output.scale)
        return values

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classify uint8 ``images`` ``(N, H, W, C)``, pixels 0..255: float32 ``(N, classes)``.

        Raises:
            ValueError: ``images`` has another dtype or shape.
        """
        size = max(1, min(BLOCK, BLOCK_PIXELS // (self.input_shape[0] * self.input_shape[1])))
        blocks = (images[start : start + size] for start in range(0, len(images), size))
        found = [self.probabilities(self._run_block(self.prepare(block))) for block in blocks]
        return np.concatenate(found) if found else np.empty((0, self.num_classes), np.float32)

    def _run_block(self, block: np.ndarray) -> np.ndarray:
        if self.free_batch:
            return self.run(block)
        return np.concatenate([self.run(block[index : index + 1]) for index in range(len(block))])

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def _image_shape(name: str, spec: TensorSpec) -> tuple[tuple[int, int, int], bool]:
    """``(height, width, channels)`` of the input, and whether the file puts channels before height."""
    sizes = spec.shape[1:]
    if len(spec.shape) == 4 and spec.shape[0] in (1, None) and all(sizes):
        first, second, third = (int(size or 0) for size in sizes)
        if third in (1, 3):
            return (first, second, third), False
        if first in (1, 3):
            return (second, third, first), True
    raise ModelError(
        f"{name}: input {spec.name!r} has shape {spec.shape}, expected one image (1, height, width, 1 or 3) "
        "or a free batch of them"
    )


def _class_count(name: str, spec: TensorSpec) -> int:
    sizes = [size for size in spec.shape[1:] if size != 1]
    if len(spec.shape) > 1 and not sizes:
        raise ModelError(
            f"{name}: output {spec.name!r} is one number, expected one for each class: give its Keras model to cnnedge "
            "export, which makes two of it, 1 - p and p"
        )
    if len(spec.shape) < 2 or len(sizes) != 1 or sizes[0] is None:
        raise ModelError(f"{name}: output {spec.name!r} has shape {spec.shape}, expected (1, classes)")
    return sizes[0]


def _check_output_dtype(name: str, spec: TensorSpec) -> None:
    quantized = spec.dtype in ("uint8", "int8", "int16") and spec.scale > 0
    if not quantized and spec.dtype != "float32":
        raise ModelError(
            f"{name}: output {spec.name!r} is {spec.dtype} with scale {spec.scale:g}, "
            "expected float32, or uint8, int8 or int16 with a scale"
        )


def _table(name: str, spec: TensorSpec, channels: int, normalization: Normalization) -> np.ndarray | None:
    """The input value of each pixel value: ``(256,)``, or ``(256, channels)`` where the channels differ; None where
    the pixels stay as they are but for their type."""
    values = normalization.values(channels)
    table = pixel_table(f"{name}: input {spec.name!r}", spec.dtype, spec.scale, spec.zero_point, values)
    table = table[:, 0] if (table == table[:, :1]).all() else table
    return None if np.array_equal(table, np.arange(256)) else table
