"""Shapes inside an ONNX graph, worked out for one image: files seldom state them, and MACs need them.

Only operators of image classifiers are known; a tensor whose shape cannot be worked out is simply absent.
"""

import math
from collections.abc import Callable

import numpy as np

from cnnedge.formats.onnx.reader import Initializer, Node, OnnxModel

Shape = tuple[int, ...]
_KEEPING = {
    "Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh",
    "Softmax", "LogSoftmax", "Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear",
    "BatchNormalization", "Exp", "Log", "Sqrt", "Neg", "Abs", "Erf", "Gelu", "LRN",
    "InstanceNormalization", "LayerNormalization", "QLinearSigmoid", "QLinearLeakyRelu",
}  # fmt: skip
_BROADCASTING = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where"}
# Where the image and the weights stand among the inputs of the operators that carry their own scales.
_IMAGE_AND_WEIGHTS = {"QLinearConv": (0, 3), "QLinearMatMul": (0, 3), "QGemm": (0, 3)}


def infer_shapes(model: OnnxModel) -> dict[str, Shape]:
    """The shape of every tensor that can be worked out, free sizes taken as 1."""
    shapes: dict[str, Shape] = {name: constant.shape for name, constant in model.initializers.items()}
    for value in (*model.inputs, *model.values):
        if value.shape is not None:
            shapes[value.name] = tuple(size or 1 for size in value.shape)
    for node in model.nodes:
        known = [shapes.get(name) for name in node.inputs]
        if node.outputs and known and known[0] is not None:
            shape = _output(node, known, model)
            if shape is not None:
                shapes[node.outputs[0]] = shape
    return shapes


def image_and_weights(node: Node) -> tuple[int, int]:
    """Positions of the data and of the weights among a layer's inputs."""
    return _IMAGE_AND_WEIGHTS.get(node.op, (0, 1))


def constant_integers(model: OnnxModel, name: str) -> tuple[int, ...] | None:
    """An int64 constant's values, or None if ``name`` is no such constant."""
    constant = model.initializers.get(name)
    return _integers(model, constant) if constant and constant.dtype == "int64" else None


def _integers(model: OnnxModel, constant: Initializer) -> tuple[int, ...]:
    if constant.raw is None:
        return constant.message.integers(7)
    start, end = constant.raw
    return tuple(np.frombuffer(model.content[start:end], "<i8").tolist())


def _output(node: Node, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    first = shapes[0] or ()
    rule = _RULES.get(node.op)
    try:
        if node.op in _KEEPING:
            return first
        if node.op in _BROADCASTING:
            return _broadcast([first, shapes[1]])
        if node.op == "QLinearAdd":
            return _broadcast([first, shapes[3]])
        return rule(node, first, shapes, model) if rule else None
    except (IndexError, ValueError, ZeroDivisionError):
        return None  # attributes that do not fit the shapes: unknown, like an operator that is unknown


def _broadcast(shapes: list[Shape | None]) -> Shape | None:
    return None if None in shapes else tuple(np.broadcast_shapes(*[shape or () for shape in shapes]))


def _convolution(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    weights = shapes[image_and_weights(node)[1]]
    if weights is None:
        return None
    return (image[0], weights[0], *_windows(node, image[2:], weights[2:]))


def _pool(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape:
    return (*image[:2], *_windows(node, image[2:], node.integers("kernel_shape")))


def _windows(node: Node, sizes: Shape, kernel: Shape) -> Shape:
    strides = node.integers("strides") or (1,) * len(sizes)
    dilations = node.integers("dilations") or (1,) * len(sizes)
    if node.text("auto_pad").startswith("SAME"):
        return tuple(-(-size // stride) for size, stride in zip(sizes, strides, strict=True))
    pads = node.integers("pads") or (0,) * (2 * len(sizes))
    padded = [size + pads[axis] + pads[axis + len(sizes)] for axis, size in enumerate(sizes)]
    spans = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    up = node.integer("ceil_mode")
    return tuple(
        (size - span + (stride - 1 if up else 0)) // stride + 1
        for size, span, stride in zip(padded, spans, strides, strict=True)
    )


def _global_pool(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape:
    return (*image[:2], *(1,) * (len(image) - 2))


def _reshape(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    wanted = constant_integers(model, node.inputs[1])
    if wanted is None:
        return None
    sizes = [image[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    rest = math.prod(size for size in sizes if size > 0)
    return tuple(math.prod(image) // rest if size < 0 else size for size in sizes)


def _flatten(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape:
    axis = node.integer("axis", 1)
    return math.prod(image[:axis]), math.prod(image[axis:])


def _transpose(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape:
    order = node.integers("perm") or tuple(reversed(range(len(image))))
    return tuple(image[axis] for axis in order)


def _gemm(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    weights = shapes[image_and_weights(node)[1]]
    return None if weights is None else (image[0], weights[0 if node.integer("transB") else 1])


def _matmul(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    weights = shapes[image_and_weights(node)[1]]
    return None if weights is None else (*image[:-1], weights[-1])


def _concat(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    axis = node.integer("axis") % len(image)
    if None in shapes:
        return None
    return (*image[:axis], sum((shape or ())[axis] for shape in shapes), *image[axis + 1 :])


def _squeeze(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    axes = node.integers("axes") or (constant_integers(model, node.inputs[1]) if len(node.inputs) > 1 else None)
    if axes is None:
        return None
    dropped = {axis % len(image) for axis in axes}
    return tuple(size for axis, size in enumerate(image) if axis not in dropped)


def _reduce(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    axes = node.integers("axes") or (constant_integers(model, node.inputs[1]) if len(node.inputs) > 1 else None)
    if axes is None:
        return None
    dropped, keep = {axis % len(image) for axis in axes}, node.integer("keepdims", 1)
    sizes = [1 if axis in dropped else size for axis, size in enumerate(image)]
    return tuple(size for axis, size in enumerate(sizes) if keep or axis not in dropped)


def _filled(node: Node, wanted: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    sizes = constant_integers(model, node.inputs[0])
    return None if sizes is None or min(sizes, default=0) < 0 else sizes


def _pad(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    pads = constant_integers(model, node.inputs[1]) if len(node.inputs) > 1 else node.integers("pads")
    if pads is None or len(pads) != 2 * len(image):
        return None
    return tuple(size + pads[axis] + pads[axis + len(image)] for axis, size in enumerate(image))


def _looked_up(node: Node, data: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    return shapes[1]


def _slice(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    """Of constant starts, ends, axes and steps."""
    found = [constant_integers(model, name) for name in node.inputs[1:]]
    starts, ends, *rest = [values for values in found if values is not None]
    if None in found:
        return None
    axes = rest[0] if rest else tuple(range(len(starts)))
    steps = rest[1] if len(rest) > 1 else (1,) * len(starts)
    sizes = list(image)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        sizes[axis] = len(range(*slice(start, end, step).indices(image[axis])))
    return tuple(sizes)


def _tile(node: Node, image: Shape, shapes: list[Shape | None], model: OnnxModel) -> Shape | None:
    times = constant_integers(model, node.inputs[1])
    return None if times is None else tuple(size * count for size, count in zip(image, times, strict=True))


_RULES: dict[str, Callable[[Node, Shape, list[Shape | None], OnnxModel], Shape | None]] = {
    "Conv": _convolution, "QLinearConv": _convolution, "FusedConv": _convolution, "ConvInteger": _convolution,
    "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool, "QLinearGlobalAveragePool": _global_pool, "Reshape": _reshape, "Flatten": _flatten,
    "Transpose": _transpose, "Gemm": _gemm, "QGemm": _gemm, "MatMul": _matmul, "MatMulInteger": _matmul,
    "QLinearMatMul": _matmul, "Concat": _concat, "Squeeze": _squeeze, "ReduceMean": _reduce, "ReduceMax": _reduce,
    "ReduceSum": _reduce, "Pad": _pad, "ConstantOfShape": _filled, "GatherElements": _looked_up, "Slice": _slice,
    "Tile": _tile,
}  # fmt: skip
