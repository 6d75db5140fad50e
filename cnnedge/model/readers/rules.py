"""What each of TensorFlow's operators is in Keras: a layer, an operation, or the bias of the layer before it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.readers.gelu import bent_by_gelu
from cnnedge.model.readers.nodes import Reader, data_of, is_tensor, source_of

_ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "Elu": "elu",
    "Selu": "selu", "Softplus": "softplus", "Softsign": "softsign",
}  # fmt: skip
_OF_TWO = {
    "Add": "add", "AddV2": "add", "BiasAdd": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "divide",
    "Maximum": "maximum", "Minimum": "minimum",
}  # fmt: skip
_OF_ONE = {"Neg": "negative", "Exp": "exp", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Square": "square", "Erf": "erf"}


def _window(node: Any) -> dict[str, Any]:
    """Strides, dilation and padding."""
    padding = node.attr["padding"].s.decode().lower()
    if padding not in ("same", "valid"):
        raise ModelError(f"has {node.op} {node.name!r} with explicit padding: save it with model.save('model.keras')")
    found = {"strides": tuple(node.attr["strides"].list.i[1:3]), "padding": padding}
    dilations = tuple(node.attr["dilations"].list.i[1:3])
    return found | ({"dilation_rate": dilations} if dilations and max(dilations) > 1 else {})


def _convolution(reader: Reader, node: Any, x: Any, kernel: np.ndarray) -> Any:
    height, width, channels, filters = kernel.shape
    config = {"filters": filters, "kernel_size": (height, width), "groups": x.shape[-1] // channels, "use_bias": True}
    weights = [kernel, np.zeros(filters, "float32")]
    return reader.layer(node, "Conv2D", x, weights=weights, **config, **_window(node))


def _depthwise(reader: Reader, node: Any, x: Any, kernel: np.ndarray) -> Any:
    height, width, channels, multiplier = kernel.shape
    config = {"kernel_size": (height, width), "depth_multiplier": multiplier, "use_bias": True}
    weights = [kernel, np.zeros(channels * multiplier, "float32")]
    return reader.layer(node, "DepthwiseConv2D", x, weights=weights, **config, **_window(node))


def _transposed(reader: Reader, node: Any, sizes: np.ndarray, kernel: np.ndarray, x: Any) -> Any:
    height, width, filters, _ = kernel.shape
    config = {"filters": filters, "kernel_size": (height, width), "use_bias": True}
    weights = [kernel, np.zeros(filters, "float32")]
    given = reader.layer(node, "Conv2DTranspose", x, weights=weights, **config, **_window(node))
    if given.shape[1:3] != tuple(sizes[1:3]):
        raise ModelError(f"pads the output of {node.name!r}: save it with model.save('model.keras')")
    return given


def _resize(reader: Reader, node: Any, x: Any, sizes: np.ndarray) -> Any:
    """Upsampling by whole factors, or what keras.layers.Resizing does; the proof sees any other grid."""
    kind = {"ResizeNearestNeighbor": "nearest", "ResizeBilinear": "bilinear"}[node.op]
    factors = [int(size) / before for size, before in zip(sizes, x.shape[1:3], strict=True)]
    if all(factor == int(factor) for factor in factors):
        return reader.layer(node, "UpSampling2D", x, size=tuple(map(int, factors)), interpolation=kind)
    return reader.layer(node, "Resizing", x, height=int(sizes[0]), width=int(sizes[1]), interpolation=kind)


def _slice(_: Reader, node: Any, x: Any, begin: np.ndarray, end: np.ndarray, steps: np.ndarray) -> Any:
    """x[begin:end:step], without the batch; masks say which ends are open."""
    masks = {name: node.attr[name].i for name in ("begin_mask", "end_mask")}
    if any(node.attr[name].i for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
        raise ModelError(f"picks from a tensor ({node.name}): save it with model.save('model.keras')")
    places = [
        slice(
            None if masks["begin_mask"] >> axis & 1 else int(begin[axis]),
            None if masks["end_mask"] >> axis & 1 else int(end[axis]),
            int(steps[axis]),
        )
        for axis in range(1, len(begin))
    ]
    return x[(slice(None), *places)]


def _product(reader: Reader, node: Any, x: Any, kernel: Any) -> Any:
    if is_tensor(kernel) or node.attr["transpose_a"].b:
        raise ModelError(f"has a product of two inner tensors ({node.name}): save it with model.save('model.keras')")
    kernel = kernel.T if node.attr["transpose_b"].b else kernel
    weights = [kernel, np.zeros(kernel.shape[1], "float32")]
    return reader.layer(node, "Dense", x, weights=weights, units=kernel.shape[1], use_bias=True)


def _normalization(reader: Reader, node: Any, x: Any, *weights: np.ndarray) -> Any:
    config = {"epsilon": node.attr["epsilon"].f}
    return reader.layer(node, "BatchNormalization", x, weights=list(weights), **config)


def _of_two(reader: Reader, node: Any, left: Any, right: Any) -> Any:
    """An operation; a constant added to a layer's sums alone becomes its bias."""
    import keras

    bent = bent_by_gelu(reader, node) if node.op == "Mul" else None
    if bent is not None:
        return reader.layer(node, "Activation", bent, activation="gelu")
    before = source_of(data_of(node)[0])
    layer = reader.without_bias.get(before)
    if layer is not None and _OF_TWO[node.op] == "add" and not is_tensor(right) and reader.uses[before] == 1:
        layer.bias.assign(np.broadcast_to(right.reshape(-1), layer.bias.shape))
        del reader.without_bias[before]
        return left
    return getattr(keras.ops, _OF_TWO[node.op])(left, right)


def _of_one(_: Reader, node: Any, x: Any) -> Any:
    import keras

    return getattr(keras.ops, _OF_ONE[node.op])(x)


def _erfc(_: Reader, node: Any, x: Any) -> Any:
    import keras

    return keras.ops.subtract(1.0, keras.ops.erf(x))


def _squared_difference(_: Reader, node: Any, left: Any, right: Any) -> Any:
    import keras

    return keras.ops.square(keras.ops.subtract(left, right))


def _activation(reader: Reader, node: Any, x: Any) -> Any:
    return reader.layer(node, "Activation", x, activation=_ACTIVATIONS[node.op])


def _leaky(reader: Reader, node: Any, x: Any) -> Any:
    return reader.layer(node, "LeakyReLU", x, negative_slope=node.attr["alpha"].f)


def _pooling(reader: Reader, node: Any, x: Any) -> Any:
    kind = {"MaxPool": "MaxPooling2D", "AvgPool": "AveragePooling2D"}[node.op]
    return reader.layer(node, kind, x, pool_size=tuple(node.attr["ksize"].list.i[1:3]), **_window(node))


def _over_places(reader: Reader, node: Any, x: Any, axes: np.ndarray) -> Any:
    import keras

    if sorted(np.asarray(axes).reshape(-1) % len(x.shape)) == [1, 2] and len(x.shape) == 4:
        kind = {"Mean": "GlobalAveragePooling2D", "Max": "GlobalMaxPooling2D"}[node.op]
        return reader.layer(node, kind, x, keepdims=node.attr["keep_dims"].b)
    operation = {"Mean": keras.ops.mean, "Max": keras.ops.max}[node.op]
    return operation(x, axis=tuple(int(axis) for axis in np.reshape(axes, -1)), keepdims=node.attr["keep_dims"].b)


def _padding(reader: Reader, node: Any, x: Any, amounts: np.ndarray) -> Any:
    if len(amounts) != 4 or amounts[[0, 3]].any():
        raise ModelError(f"pads more than height and width ({node.name}): save it with model.save('model.keras')")
    return reader.layer(node, "ZeroPadding2D", x, padding=tuple(map(tuple, amounts[1:3].tolist())))


def _reshape(reader: Reader, node: Any, x: Any, shape: np.ndarray) -> Any:
    """The program was traced for one image: the first size is the batch; or all places of a map, one below the other,
    for a dense layer, which in Keras takes the map."""
    sizes = tuple(int(size) for size in shape)
    if sizes[1:] == x.shape[1:] or (len(sizes) == 2 and sizes[0] > 1 and sizes[1] == x.shape[-1]):
        return x
    return reader.layer(node, "Reshape", x, target_shape=sizes[1:])


def _transpose(reader: Reader, node: Any, x: Any, order: np.ndarray) -> Any:
    axes = tuple(int(axis) for axis in order)
    if axes[0] != 0:
        raise ModelError(f"moves the batch ({node.name}): save it with model.save('model.keras')")
    return x if axes == tuple(range(len(axes))) else reader.layer(node, "Permute", x, dims=axes[1:])


def _squeeze(reader: Reader, node: Any, x: Any) -> Any:
    axes = [axis % len(x.shape) for axis in node.attr["squeeze_dims"].list.i]
    kept = [size for axis, size in enumerate(x.shape) if axis and axis not in axes]
    return reader.layer(node, "Reshape", x, target_shape=tuple(kept))


def _concatenation(reader: Reader, node: Any, *parts: Any) -> Any:
    return reader.layer(node, "Concatenate", *parts[:-1], axis=int(parts[-1]))


def _called(reader: Reader, node: Any, *given: Any) -> Any:
    """A function that TensorFlow compiles apart, as Keras lets it do with grouped convolutions: its operators."""
    function = reader.functions[node.attr["f"].func.name]
    names = {argument.name: f"{node.name}.{argument.name}" for argument in function.signature.input_arg}
    names |= {inner.name: f"{node.name}.{inner.name}" for inner in function.node_def}
    reader.values.update((names[argument], value) for argument, value in zip(list(names), given, strict=False))
    for inner in function.node_def:
        copied = type(inner)()
        copied.CopyFrom(inner)
        copied.name = names[inner.name]
        del copied.input[:]
        copied.input.extend(names[part.split(":")[0]] for part in inner.input if not part.startswith("^"))
        reader.nodes[copied.name] = copied
    (output,) = function.ret.values()
    return reader.value(names[output.split(":")[0]])


RULES: dict[str, Callable[..., Any]] = {
    "StatefulPartitionedCall": _called,
    "PartitionedCall": _called,
    "Erfc": _erfc,
    "SquaredDifference": _squared_difference,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "Conv2DBackpropInput": _transposed,
    "ResizeNearestNeighbor": _resize,
    "ResizeBilinear": _resize,
    "StridedSlice": _slice,
    "MatMul": _product,
    "FusedBatchNorm": _normalization,
    "FusedBatchNormV3": _normalization,
    "LeakyRelu": _leaky,
    "MaxPool": _pooling,
    "AvgPool": _pooling,
    "Mean": _over_places,
    "Max": _over_places,
    "Pad": _padding,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "ConcatV2": _concatenation,
    **dict.fromkeys(_OF_TWO, _of_two),
    **dict.fromkeys(_OF_ONE, _of_one),
    **dict.fromkeys(_ACTIVATIONS, _activation),
}
