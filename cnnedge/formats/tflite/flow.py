"""Whether the types and shapes that a TFLite file declares follow from one another, operator by operator.

LiteRT and XNNPACK compute some output shapes themselves and take others from the file; where the two differ
they have been seen to write beyond a buffer (found by the fuzz test).
"""

from collections.abc import Sequence

import numpy as np

from cnnedge.formats.tflite.flatbuffer import Damaged
from cnnedge.formats.tflite.reader import Operator, Tensor

Shape = tuple[int, ...]
Buffers = Sequence[tuple[int, int]]

# Outputs of another type than the input by their nature.
COMPARING = {"LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"}
_RETYPING = {"QUANTIZE", "DEQUANTIZE", "CAST", "SHAPE", "ARG_MAX"} | COMPARING
_BROADCASTING = {"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "PRELU"} | COMPARING
_SELECTING = {"SELECT", "SELECT_V2"}
_SHAPE_KEEPING = {
    "ABS", "NEG", "SQUARE", "EXP", "SQRT", "RSQRT", "LOG", "FLOOR", "RELU", "RELU6", "RELU_N1_TO_1",
    "RELU_0_TO_1", "LEAKY_RELU", "ELU", "GELU", "HARD_SWISH", "LOGISTIC", "TANH", "SOFTMAX", "LOG_SOFTMAX",
    "L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION", "QUANTIZE", "DEQUANTIZE", "CAST",
    "SIN", "COS", "CEIL", "ROUND", "SIGN", "REVERSE_V2",
}  # fmt: skip
_POOLS = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"}
# Which inputs carry the image, where it is not the first one alone.
_DATA = {
    "SPLIT": (1,),
    "TRANSPOSE_CONV": (2,),
    **dict.fromkeys(_BROADCASTING, (0, 1)),
    **dict.fromkeys(_SELECTING, (1, 2)),
}
# Weight types that a kernel exists for, by the type of the image.
_WEIGHTS = {
    "float32": {"float32", "float16", "int8", "int4"}, "float16": {"float16"}, "int8": {"int8", "int4"},
    "uint8": {"uint8"}, "int16": {"int8"},
}  # fmt: skip
_SAME_PADDING, _VALID_PADDING = 0, 1


def check_flow(operator: Operator, tensors: Sequence[Tensor], buffers: Buffers, content: bytes) -> None:
    """Check one operator's output against its inputs.

    Raises:
        ModelError: the output's type or shape does not follow from the inputs and options.
    """
    inputs = [tensors[index] for index in operator.inputs if index != -1]
    _check_types(operator, inputs, [tensors[index] for index in operator.outputs])
    output = tensors[operator.outputs[0]]
    if any(-1 in tensor.signature[1:] for tensor in (*inputs, output)):
        return  # sizes that are known only at run time are declared as 1
    expected = _output_shape(operator, inputs, buffers, content)
    if expected is not None and expected != output.shape:
        raise Damaged(f"{operator.name} gives an output of {expected}, but {output.shape} is declared")


def _check_types(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> None:
    carriers = range(len(inputs)) if operator.name in ("CONCATENATION", "PACK") else _DATA.get(operator.name, (0,))
    types = {inputs[number].dtype for number in carriers}
    if operator.name not in _RETYPING:
        types |= {output.dtype for output in outputs}
    if len(types) > 1:
        raise Damaged(f"{operator.name} joins {' and '.join(sorted(types))}, expected one type")
    if "CONV" in operator.name or operator.name == "FULLY_CONNECTED":
        weights = inputs[1].dtype
        if weights not in _WEIGHTS.get(outputs[0].dtype, ()):
            raise Damaged(f"{operator.name} has {weights} weights for {outputs[0].dtype} images")


def _output_shape(operator: Operator, inputs: list[Tensor], buffers: Buffers, content: bytes) -> Shape | None:
    """The shape that must come out; None where the kernels check it themselves."""
    name, shapes = operator.name, [tensor.shape for tensor in inputs]
    if name in _SHAPE_KEEPING:
        return shapes[0]
    if name in _BROADCASTING or name in _SELECTING:
        return _broadcast(name, shapes)
    if name in _POOLS or name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return _window(operator, shapes)
    if name == "CONCATENATION":
        return _concatenation(operator, shapes)
    if name in ("PAD", "PADV2", "MIRROR_PAD"):
        pads = _sizes(operator, inputs[1], buffers, content)
        if len(pads) != 2 * len(shapes[0]) or min(pads) < 0:
            raise Damaged(f"{name} has paddings {pads} for shape {shapes[0]}")
        return tuple(size + pads[2 * axis] + pads[2 * axis + 1] for axis, size in enumerate(shapes[0]))
    if name in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        return (shapes[0][0], *_sizes(operator, inputs[1], buffers, content), shapes[0][-1])
    if name == "TRANSPOSE_CONV":
        return _sizes(operator, inputs[0], buffers, content)
    return None


def _broadcast(name: str, shapes: list[Shape]) -> Shape:
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        raise Damaged(f"{name} joins shapes {' and '.join(map(str, shapes))}") from None


def _concatenation(operator: Operator, shapes: list[Shape]) -> Shape:
    axis = operator.options.integer(0, "i") if operator.options else 0
    axis += len(shapes[0]) if axis < 0 else 0
    others = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if not 0 <= axis < len(shapes[0]) or len(others) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise Damaged(f"CONCATENATION joins shapes {shapes} along axis {axis}")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _window(operator: Operator, shapes: list[Shape]) -> Shape:
    """Output of a convolution or pooling, NHWC; weights are OHWI (CONV_2D) or 1HWO (DEPTHWISE_CONV_2D)."""
    name, image, options = operator.name, shapes[0], operator.options
    if options is None or len(image) != 4 or (name not in _POOLS and len(shapes[1]) != 4):
        raise Damaged(f"{name} works on shapes {shapes}, expected four sizes")
    windows: tuple[int, ...]
    strides = options.integer(2, "i"), options.integer(1, "i")
    if name in _POOLS:
        windows, channels = (options.integer(4, "i"), options.integer(3, "i")), image[3]
    else:
        first = 4 if name == "CONV_2D" else 5
        dilations = options.integer(first + 1, "i", 1), options.integer(first, "i", 1)
        windows = tuple((size - 1) * step + 1 for size, step in zip(shapes[1][1:3], dilations, strict=True))
        channels = shapes[1][0] if name == "CONV_2D" else shapes[1][3]
    padding = options.integer(0, "b")
    if padding not in (_SAME_PADDING, _VALID_PADDING):
        raise Damaged(f"{name} has padding number {padding}, expected 0 or 1")
    sizes = [
        -(-size // stride) if padding == _SAME_PADDING else (size - window) // stride + 1
        for size, window, stride in zip(image[1:3], windows, strides, strict=True)
    ]
    return (image[0], *sizes, channels)


def _sizes(operator: Operator, tensor: Tensor, buffers: Buffers, content: bytes) -> Shape:
    start, length = buffers[tensor.buffer]
    if not length or tensor.dtype not in ("int32", "int64"):
        raise Damaged(f"{operator.name} takes its sizes from {tensor.name!r}, expected constant int32 or int64")
    return tuple(np.frombuffer(content[start : start + length], tensor.dtype).tolist())
