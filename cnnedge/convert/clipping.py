"""Ranges of activations that leave the rarest values out.

One calibration image with a value 20 times as large as all others makes every step 20 times as coarse. Two rules cut
such values off, both from histograms of what calibration images give in each tensor: all but the outermost 0.01 % are
kept ("percentile"), or the sum of squared errors of rounding and of clipping is smallest ("mse"; Banner et al., "Post
training 4-bit quantization of convolutional networks", NeurIPS 2019, arXiv 1810.05723, here by trying).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnedge.nativelog import silenced

# Bins to each side of zero, each OCTAVES / BINS octaves wide: 1.6 % of its values, however far off an outlier lies. In
# bins of one width an outlier 500 times as large as all else would leave four to the rest.
BINS, OCTAVES = 1024, 24
# Values kept, of the calibration images' own: as ONNX Runtime and TensorRT offer it.
KEPT = 0.9999
# Images that the histograms are made of, evenly spaced; each gives thousands of values a tensor.
IMAGES = 128
# Ends tried, as fractions of the largest value: from where nothing is cut off to a fiftieth.
FRACTIONS = np.geomspace(1, 0.02, 80)
LEVELS = 255
# Operators whose output keeps the scale of their input.
KEEPING = ("MAX_POOL_2D", "RESHAPE", "TRANSPOSE", "PAD", "SQUEEZE", "STRIDED_SLICE")


def with_clipped_ranges(calibrated: bytes, pixels: np.ndarray, rule: str) -> bytes:
    """The calibrated float file with narrower ranges of its inner tensors; logits and both ends keep theirs, for
    clipping the largest of two logits to the same code would cost the answer.

    Args:
        calibrated: a float TFLite file with the range of every tensor.
        pixels: (N, H, W, C) calibration images 0..255.
        rule: "percentile" or "mse".
    """
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    model = schema.ModelT.InitFromPackedBuf(calibrated, 0)
    graph = model.subgraphs[0]
    histograms = {index: Histogram.between(*_range(graph.tensors[index])) for index in _inner(model, graph)}
    _fill(calibrated, graph.inputs[0], histograms, pixels[_spread(len(pixels))])
    for index, histogram in histograms.items():
        _set(graph.tensors[index], *_RULES[rule](histogram))
    for operator in graph.operators:
        ends = operator.inputs[0], operator.outputs[0]
        if model.operatorCodes[operator.opcodeIndex].builtinCode in _codes(KEEPING) and histograms.keys() >= {*ends}:
            _set(graph.tensors[ends[1]], *_range(graph.tensors[ends[0]]))
    return written_aligned(model)


@dataclass
class Histogram:
    """How often values between ``low`` and ``high`` occur, in bins whose width grows with the value; exact zeros, which
    have a code of their own, apart. Values nearer to zero than 2 ** -OCTAVES of the largest are in the innermost bins.
    """

    low: float
    high: float
    counts: np.ndarray
    zeros: int = 0

    @classmethod
    def between(cls, low: float, high: float) -> "Histogram":
        """An empty one; 0 lies inside every range."""
        return cls(min(low, 0.0), max(high, 0.0), np.zeros(2 * BINS, np.int64))

    @property
    def reach(self) -> float:
        return max(-self.low, self.high)

    @property
    def edges(self) -> np.ndarray:
        """Rising, one more than there are bins."""
        outward = self.reach * 2.0 ** (OCTAVES * (np.arange(1, BINS + 1) / BINS - 1))
        return np.concatenate([-outward[::-1], [0.0], outward])

    @property
    def centres(self) -> np.ndarray:
        edges = self.edges
        return (edges[1:] + edges[:-1]) / 2

    def add(self, values: np.ndarray) -> None:
        found = values[values != 0]
        outward = np.ceil((np.log2(np.abs(found) / self.reach) / OCTAVES + 1) * BINS).astype(np.int64) - 1
        outward = np.clip(outward, 0, BINS - 1)
        self.counts += np.bincount(np.where(found > 0, BINS + outward, BINS - 1 - outward), minlength=2 * BINS)
        self.zeros += values.size - found.size


def percentile_ends(histogram: Histogram) -> tuple[float, float]:
    """The ends between which KEPT of all values lie, half of the rest to either side."""
    allowed, counts = (1 - KEPT) / 2 * (histogram.counts.sum() + histogram.zeros), histogram.counts
    kept = np.flatnonzero((counts.cumsum() > allowed) & (counts[::-1].cumsum()[::-1] > allowed))
    if not len(kept):
        return histogram.low, histogram.high
    low, high = histogram.edges[kept[0]], histogram.edges[kept[-1] + 1]
    return max(histogram.low, min(low, 0.0)), min(histogram.high, max(high, 0.0))


def mse_ends(histogram: Histogram) -> tuple[float, float]:
    """The ends, both the same fraction of the outermost values, that give the smallest squared error."""
    best = min(FRACTIONS, key=lambda fraction: _squared_error(histogram, fraction))
    return best * histogram.low, best * histogram.high


def _squared_error(histogram: Histogram, fraction: float) -> float:
    """Of rounding, which is uniform within a step, and of clipping."""
    low, high, centres = fraction * histogram.low, fraction * histogram.high, histogram.centres
    beyond = centres - np.clip(centres, low, high)
    rounding = ((high - low) / LEVELS) ** 2 / 12
    return float((histogram.counts * np.where(beyond == 0, rounding, beyond**2)).sum())


_RULES = {"percentile": percentile_ends, "mse": mse_ends}


def _inner(model: Any, graph: Any) -> list[int]:
    """The tensors between the operators that have a range, without the logits."""
    softmax = [index for index, code in enumerate(model.operatorCodes) if code.builtinCode in _codes(("SOFTMAX",))]
    ends = {*graph.inputs, *graph.outputs}
    ends |= {operator.inputs[0] for operator in graph.operators if operator.opcodeIndex in softmax}
    made = [index for operator in graph.operators for index in operator.outputs if index not in ends]
    return [index for index in made if _range(graph.tensors[index]) != (0.0, 0.0)]


def _codes(names: tuple[str, ...]) -> set[int]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {getattr(BuiltinOperator, name) for name in names}


def _set(tensor: Any, low: float, high: float) -> None:
    tensor.quantization.min, tensor.quantization.max = [np.float32(low)], [np.float32(high)]


def _range(tensor: Any) -> tuple[float, float]:
    """(0, 0) for a tensor without a range."""
    quantization = tensor.quantization
    if quantization is None or quantization.min is None or len(quantization.min) != 1:
        return 0.0, 0.0
    return float(quantization.min[0]), float(quantization.max[0])


def _spread(images: int) -> np.ndarray:
    return np.linspace(0, images - 1, min(IMAGES, images)).round().astype(np.int64)


def _fill(content: bytes, image: int, histograms: dict[int, Histogram], pixels: np.ndarray) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with silenced():
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    for picture in pixels:
        interpreter.set_tensor(image, picture[None].astype(np.float32))
        interpreter.invoke()
        for index, histogram in histograms.items():
            histogram.add(interpreter.get_tensor(index))
