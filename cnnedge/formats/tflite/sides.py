"""What an operator's tensors must be: their types, sizes, and scales on every side, and the constants that steer it.

Kernels look at some of this themselves and abort, divide by zero or read beyond a buffer over the rest.
"""

from collections.abc import Sequence

import numpy as np

from cnnedge.formats.tflite.flatbuffer import Damaged
from cnnedge.formats.tflite.flow import COMPARING
from cnnedge.formats.tflite.operators import LARGEST_STEP, RULES
from cnnedge.formats.tflite.reader import Operator, Tensor, TFLiteModel
from cnnedge.formats.tflite.single_rules import (
    check_broadcast_by_shifts,
    check_padding_value,
    check_reshape,
    check_reverse,
    check_selection,
    check_square,
    check_sum,
    check_tile,
)

_FLOAT, _QUANTIZED, _WHOLE = {"float32"}, {"int8", "uint8", "int16"}, {"int32", "int64"}
_BYTES = {"int8", "uint8"}
# Operators that only move their data about, and may move anything.
_MOVING = {
    "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CONCATENATION", "PACK", "UNPACK", "SPLIT", "SPLIT_V", "SLICE",
    "STRIDED_SLICE", "GATHER", "PAD", "PADV2", "SHAPE", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "TILE",
    "SELECT", "SELECT_V2", "REVERSE_V2",
}  # fmt: skip
# The types of data that a kernel calculates with, where they are not float and all the quantized ones.
_TYPES = {
    **dict.fromkeys(
        ["DIV", "POW", "SQUARE", "FLOOR", "CEIL", "ROUND", "SIGN", "SIN", "COS"], _FLOAT
    ),
    **dict.fromkeys(
        ["LOCAL_RESPONSE_NORMALIZATION", "L2_POOL_2D"], _FLOAT
    ),
    **dict.fromkeys(["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"], _FLOAT | _QUANTIZED | _WHOLE),
    **dict.fromkeys(["SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"], _FLOAT | _QUANTIZED | {"int32"}),
    **dict.fromkeys(["LOG", "NEG", "SQRT"], _FLOAT | {"int8", "int16"}),
    **dict.fromkeys(["LOG_SOFTMAX", "L2_NORMALIZATION", "HARD_SWISH"], _FLOAT | _BYTES),
    **dict.fromkeys(COMPARING, _FLOAT | _BYTES | _WHOLE),
    "ELU": _FLOAT | {"int8"},
    "REDUCE_PROD": _FLOAT | {"int32"},
    "SQUARED_DIFFERENCE": _FLOAT | {"int8", "int32"},
    "PRELU": _FLOAT | _BYTES,
    "ARG_MAX": _FLOAT | _BYTES,
    "QUANTIZE": _FLOAT | _QUANTIZED,
    "DEQUANTIZE": _QUANTIZED | {"float16"},
    "CAST": _FLOAT | _QUANTIZED | _WHOLE | {"bool", "float16", "uint32"},
}  # fmt: skip
_ANYTHING = _FLOAT | _QUANTIZED | _WHOLE | {"bool"}
# Which inputs carry data; (0,) if not named here.
_EVERY = {"CONCATENATION", "PACK"}
_DATA = {
    "SPLIT": (1,), "TRANSPOSE_CONV": (2,),
    **dict.fromkeys(
        ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "PRELU", "BATCH_MATMUL"], (0, 1)
    ),
    "PADV2": (0, 2), **dict.fromkeys(COMPARING, (0, 1)), **dict.fromkeys(["SELECT", "SELECT_V2"], (0, 1, 2)),
}  # fmt: skip
# The value that PADV2 fills in: a number, or a list of one.
_PADDING_VALUE = ("PADV2", 2)
# Which inputs are constants that steer a kernel: axes, sizes, places.
_STEERING = {
    **dict.fromkeys(["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "TRANSPOSE", "PAD", "MIRROR_PAD"], (1,)),
    **dict.fromkeys(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "EXPAND_DIMS", "ARG_MAX", "PADV2", "GATHER"], (1,)),
    "SPLIT": (0,), "TRANSPOSE_CONV": (0,), "TILE": (1,), "REVERSE_V2": (1,),
    "SPLIT_V": (1, 2), "SLICE": (1, 2), "STRIDED_SLICE": (1, 2, 3),
}  # fmt: skip
# Weights: the input, and the axis along which they may have a scale each; the bias comes behind them.
_WEIGHTS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0, "FULLY_CONNECTED": 0}
_BIAS_PLACE = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3, "FULLY_CONNECTED": 2}
_BIASES = {"float32": {"float32"}, "int8": {"int32"}, "uint8": {"int32"}, "int16": {"int32", "int64"}}
# Operators with scales of comparable size: in real files neighbouring ranges differ by less than 2**10.
_RESCALING = {"MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "CONCATENATION", "MEAN", "SUM"}
_LARGEST_SCALE_RATIO = 2**13
# The product of an activation's scale and its weights', over the output's: real ones lie within 1e-6..10.
# XNNPACK makes no 8-bit convolution from 256 on, and LiteRT then frees memory twice where it had handed it two parts of
# the graph. The 16-bit kernels are LiteRT's own.
_SMALLEST_MULTIPLIER = 1e-12
_LARGEST_MULTIPLIER = {"int8": 255.9, "uint8": 255.9, "int16": 1e4}


def check_sides(operator: Operator, model: TFLiteModel) -> None:
    """Check the tensors of one operator whose name and options are known to be right.

    Raises:
        ModelError: a kernel may not survive them.
    """
    tensors = model.subgraphs[0].tensors
    data = [tensors[operator.inputs[place]] for place in data_places(operator)]
    outputs = [tensors[index] for index in operator.outputs]
    _check_types(operator, data, outputs)
    if operator.name not in _MOVING or operator.name == "TRANSPOSE":  # XNNPACK turns nothing without a scale
        _check_scales(operator, data, outputs)
    if operator.name in ("ADD", "SUB") and data[0].dtype == "int16" and data[0].shape != data[1].shape:
        check_broadcast_by_shifts(operator, data, outputs[0])
    if operator.name == "RESHAPE":
        check_reshape(operator, tensors, outputs[0])
    if operator.name == "SQUARED_DIFFERENCE" and data[0].dtype in _QUANTIZED:
        check_square(data, outputs[0])
    if operator.name in _WEIGHTS:
        _check_weights(operator, model, data[0], outputs[0])
    for place in _STEERING.get(operator.name, ()):
        steering(operator, place, model)
    if operator.name in ("SELECT", "SELECT_V2"):
        check_selection(operator, data)
    if operator.name == "REVERSE_V2":
        check_reverse(data[0].shape, steering(operator, 1, model))
    if operator.name == "TILE":
        check_tile(data[0].shape, steering(operator, 1, model), outputs[0].shape)


def check_wiring(operator: Operator) -> None:
    """Check that only a bias is left out.

    Raises:
        ModelError: another input is.
    """
    optional = _BIAS_PLACE.get(operator.name)
    if any(index == -1 and place != optional for place, index in enumerate(operator.inputs)):
        raise Damaged(f"{operator.name} has inputs {operator.inputs}, expected none left out but a bias")


def check_ranks(operator: Operator, tensors: Sequence[Tensor]) -> None:
    """Check how many sizes an operator's data has; what else is checked takes them for granted.

    Raises:
        ModelError: more or fewer than its kernel works on.
    """
    low, high = RULES[operator.name].ranks
    for place in data_places(operator):
        shape = tensors[operator.inputs[place]].shape
        if not low <= len(shape) <= high and (operator.name, place) != _PADDING_VALUE:
            raise Damaged(f"{operator.name} has data of shape {shape}, expected {low} to {high} sizes")


def data_places(operator: Operator) -> Sequence[int]:
    """Which of its inputs carry data."""
    return range(len(operator.inputs)) if operator.name in _EVERY else _DATA.get(operator.name, (0,))


def steering(operator: Operator, place: int, model: TFLiteModel) -> tuple[int, ...]:
    """The numbers of the constant at input ``place``.

    Raises:
        ModelError: it is no constant of whole numbers.
    """
    index = operator.inputs[place]
    tensor = model.subgraphs[0].tensors[index]
    start, length = model.buffers[tensor.buffer]
    if index == -1 or not length or tensor.dtype not in _WHOLE or len(tensor.shape) > 2:
        raise Damaged(f"{operator.name} takes input {place} from {tensor.name[:60]!r}, expected constant int32")
    if length > LARGEST_STEP * 8:
        raise Damaged(f"{operator.name} has {length:,} bytes at input {place}, expected at most {LARGEST_STEP} numbers")
    return tuple(np.frombuffer(model.content[start : start + length], tensor.dtype).tolist())


def _check_types(operator: Operator, data: list[Tensor], outputs: list[Tensor]) -> None:
    known = _TYPES.get(operator.name, _ANYTHING if operator.name in _MOVING else _FLOAT | _QUANTIZED)
    for place, tensor in enumerate(data):
        if tensor.dtype not in known:
            raise Damaged(f"{operator.name} has {tensor.dtype} data, expected {', '.join(sorted(known))}")
        if operator.name == "PADV2" and place == 1:
            check_padding_value(tensor)
    if operator.name in _RETYPING and outputs[0].dtype not in _RETYPING[operator.name]:
        raise Damaged(f"{operator.name} gives {outputs[0].dtype}")


_RETYPING = {
    "QUANTIZE": _QUANTIZED, "DEQUANTIZE": _FLOAT, "SHAPE": _WHOLE, "ARG_MAX": _WHOLE, "CAST": _TYPES["CAST"],
    **{name: {"bool"} for name in COMPARING},
}  # fmt: skip


def _check_scales(operator: Operator, data: list[Tensor], outputs: list[Tensor]) -> None:
    """Every quantized side has one scale and zero point, and neighbouring scales are of comparable size."""
    if operator.name in ("CAST", "ARG_MAX"):
        return
    scales = [_scale(operator, tensor) for tensor in (*data, *outputs) if tensor.dtype in _QUANTIZED]
    if operator.name in ("ADD", "SUB") and scales:
        check_sum(operator, data[0].dtype, scales)
    if operator.name in COMPARING and any(scale >= 1 for scale in scales if scale):
        raise Damaged(f"{operator.name} compares scales {scales}, expected below 1")  # its multiplier ends there
    found = [scale for scale in scales if scale]
    if found and operator.name in _RESCALING and max(found) > _LARGEST_SCALE_RATIO * min(found):
        raise Damaged(f"{operator.name} joins scales {min(found):g} and {max(found):g}")


def _scale(operator: Operator, tensor: Tensor) -> float | None:
    quantization = tensor.quantization
    if quantization is None or not quantization.scale:
        raise Damaged(f"{operator.name}: {tensor.name[:60]!r} is {tensor.dtype} without a scale")
    if len(quantization.scale) > 1:
        if operator.name == "DEQUANTIZE":
            return None
        raise Damaged(f"{operator.name}: {tensor.name[:60]!r} has {len(quantization.scale)} scales, expected one")
    if tensor.dtype == "int16" and quantization.zero_point[0] != 0:
        raise Damaged(f"{operator.name}: {tensor.name[:60]!r} is int16 with zero point {quantization.zero_point[0]}")
    return quantization.scale[0]


def _check_weights(operator: Operator, model: TFLiteModel, image: Tensor, output: Tensor) -> None:
    tensors, axis = model.subgraphs[0].tensors, _WEIGHTS[operator.name]
    weights = tensors[operator.inputs[1]]
    if len(weights.shape) != (2 if operator.name == "FULLY_CONNECTED" else 4):
        raise Damaged(f"{operator.name} has weights of shape {weights.shape}")
    if weights.dtype in ("int8", "uint8", "int4"):
        _check_weight_scales(operator, weights, axis, image, output)
    place = _BIAS_PLACE[operator.name]
    if len(operator.inputs) > place and operator.inputs[place] != -1:
        bias = tensors[operator.inputs[place]]
        if bias.dtype not in _BIASES.get(image.dtype, ()) or bias.shape != (weights.shape[axis],):
            raise Damaged(f"{operator.name} has a bias {bias.dtype} {bias.shape} for weights {weights.shape}")
        if bias.dtype != "float32" and not model.buffers[bias.buffer][1]:
            raise Damaged(f"{operator.name} takes its bias from {bias.name[:60]!r}, expected a constant")
    elif operator.name == "DEPTHWISE_CONV_2D":
        raise Damaged("DEPTHWISE_CONV_2D has no bias")


def _check_weight_scales(operator: Operator, weights: Tensor, axis: int, image: Tensor, output: Tensor) -> None:
    quantization = weights.quantization
    if quantization is None or not quantization.scale:
        raise Damaged(f"{operator.name} has {weights.dtype} weights without a scale")
    if len(quantization.scale) > 1 and quantization.axis != axis:
        raise Damaged(f"{operator.name} has weights with a scale each along axis {quantization.axis}, expected {axis}")
    if weights.dtype != "uint8" and any(quantization.zero_point):
        raise Damaged(f"{operator.name} has {weights.dtype} weights with zero points, expected 0")
    if image.dtype == "float32" or not (image.quantization and output.quantization):
        return
    factor = image.quantization.scale[0] / output.quantization.scale[0]
    low, high = factor * min(quantization.scale), factor * max(quantization.scale)
    largest = _LARGEST_MULTIPLIER[image.dtype]
    if not _SMALLEST_MULTIPLIER <= low <= high <= largest:
        limits = f"{_SMALLEST_MULTIPLIER:g} to {largest:g}"
        raise Damaged(f"{operator.name} multiplies by {low:g} to {high:g}, expected {limits}: its output has no range")
