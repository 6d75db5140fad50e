"""Which layer of a file is which of the float model."""

import math
from dataclasses import dataclass

import numpy as np

from cnnedge.convert.layer_errors.channel_scales import Scaled, in_keras_scales
from cnnedge.convert.layer_errors.decibels import or_infinite
from cnnedge.convert.layer_errors.float_layers import FloatLayer
from cnnedge.convert.layer_errors.trace import Trace, TracedLayer
from cnnedge.errors import ModelError

# Weights of another training are independent of these: in the scale that fits best they explain one part in as many as
# an output channel has, 0.5 dB of a depthwise kernel's 9. The best code of one bit still has 4.4 dB, for normally
# distributed weights (J. Max, "Quantizing for minimum distortion", 1960).
SMALLEST_WEIGHT_SQNR_DB = 2.0
# What a kind of layer is called in a file where that does not tell it from another.
_IN_FILES = {"GlobalAveragePooling1D": "GlobalAveragePooling2D"}
# Of which a file may make layers that have no row: an activation, a normalization.
_STEPS = ("Add", "GlobalAveragePooling2D")


@dataclass(frozen=True)
class Pair:
    """A float layer and what it became: the file's layer, which is ``number`` in the trace."""

    layer: FloatLayer
    became: Scaled
    number: int


def pair(layers: list[FloatLayer], trace: Trace, prepared: np.ndarray, pixels: np.ndarray) -> list[Pair]:
    """Find what each float layer became: of its kind and sizes, and with the weights that are most like its own.

    Not by order alone, because converters put the branches of a network in an order of their own. Of those without
    weights it is the one whose values are nearest to the float layer's, since other layers may be made of such steps.

    Args:
        prepared, pixels: one image as the file takes it, and as the float model does.

    Raises:
        ModelError: a layer of one is none of the other; or the weights are not those of the float model.
    """
    outputs = trace.run(prepared)
    values = {id(layers[0].sources[0]): pixels}
    left = list(range(len(trace.layers)))
    scales: dict[int, np.ndarray] = {}
    pairs = []
    for layer in layers:
        sources = [scales.get(id(source), np.ones(1)) for source in layer.sources]
        candidates = {
            number: in_keras_scales(layer, trace.layers[number], sources)
            for number in left
            if _fits(layer, trace.layers[number], outputs[number])
        }
        if not candidates:
            raise ModelError(
                f"no layer in it is {layer.name} of the Keras model ({layer.kind}, output {layer.tensor.shape[1:]}): "
                "it was made from another model"
            )
        expected = np.asarray(layer.part([values[id(source)] for source in layer.sources], training=False))
        values[id(layer.tensor)] = expected
        if layer.kernel is None:
            number = min(candidates, key=lambda number: _distance(candidates[number], outputs[number], expected))
        else:
            number = max(candidates, key=lambda number: or_infinite(candidates[number].sqnr_db))
        found = candidates[number]
        if or_infinite(found.sqnr_db) <= SMALLEST_WEIGHT_SQNR_DB:
            raise ModelError(
                f"the weights of {layer.name} in it are not those of the Keras model: it was made from another training"
            )
        left.remove(number)
        scales[id(layer.tensor)] = found.scales
        pairs.append(Pair(layer, found, number))
    strange = [trace.layers[number] for number in left if trace.layers[number].kind not in _STEPS]
    if strange:
        raise ModelError(
            f"{strange[0].where} in it is no layer of the Keras model: compare with the .keras file that "
            "the export wrote beside it, which has the preprocessing inside"
        )
    return pairs


def _distance(candidate: Scaled, codes: np.ndarray, expected: np.ndarray) -> float:
    found = candidate.layer.values(codes).reshape(expected.shape) * candidate.scales
    return float(np.abs(found - expected).mean())


def _fits(layer: FloatLayer, traced: TracedLayer, output: np.ndarray) -> bool:
    """Whether kind and sizes agree; sizes of 1 are not compared, which the formats add and drop.

    The places at which a dense layer stands may be in a row, or in a map still.
    """
    if _IN_FILES.get(layer.kind, layer.kind) != traced.kind:
        return False
    own = layer.tensor.shape[1:]
    if layer.kind == "Dense":
        return (own[-1], math.prod(own)) == (output.shape[-1], output.size) and _has_its_kernel(layer, traced)
    return _sizes(own) == _sizes(output.shape[1:]) and _has_its_kernel(layer, traced)


def _has_its_kernel(layer: FloatLayer, traced: TracedLayer) -> bool:
    return layer.kernel is None or traced.kernel is None or layer.kernel.shape == traced.kernel.shape


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]
