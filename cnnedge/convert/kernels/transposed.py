"""A transposed convolution as a convolution, which has an integer kernel, whose channels are then spread over pixels.

With a stride s, pixel s * q + r of the whole output is the sum over j of input q - j times weight r + s * j: for each
of the s remainders r a convolution of its own, with ceil(size / s) taps in reverse. They stand side by side as s x s
times the channels, which a reshape and a transposition spread over blocks of s x s pixels; the padding is cut off.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.kernels.codes import Codes

if TYPE_CHECKING:
    from onnx import NodeProto

_IMAGE = 4  # (N, C, H, W)


def as_convolution(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    from onnx import helper

    layer, clips = codes.behind_clip(quantize.input[0])
    if layer is None or layer.op_type != "ConvTranspose":
        return None
    taken, given = codes.shape(layer.input[0]), codes.shape(quantize.output[0])
    weights, bias = codes.constant(layer.input[1]), codes.constant(layer.input[2] if len(layer.input) > 2 else "")
    if taken is None or given is None or len(taken) != _IMAGE or weights is None or weights.dtype != np.int8:
        return None
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in layer.attribute}
    strides = list(options.get("strides", [1, 1]))
    before = list(options.get("pads", [0] * 4))[:2]
    taps = [-(-size // stride) for size, stride in zip(weights.shape[2:], strides, strict=True)]
    blocks = [size + tap - 1 for size, tap in zip(taken[2:], taps, strict=True)]
    whole = [size * stride for size, stride in zip(blocks, strides, strict=True)]
    fits = all(cut + size <= full for cut, size, full in zip(before, given[2:], whole, strict=True))
    if not fits or not _is_plain(options) or (bias is None) != (len(layer.input) == 2):
        return None
    end, channels = quantize.output[0], weights.shape[1]
    filters = _dequantized(codes, layer.input[1], f"{end}_filters", _side_by_side(weights, strides, taps), strides)
    inputs = [layer.input[0], filters.output[0]]
    nodes = [filters]
    if bias is not None:
        offsets = np.tile(bias, strides[0] * strides[1])
        nodes.append(_dequantized(codes, layer.input[2], f"{end}_offsets", offsets, strides))
        inputs.append(nodes[-1].output[0])
    around = [tap - 1 for tap in taps]
    nodes.append(helper.make_node("Conv", inputs, [f"{end}_sums"], kernel_shape=taps, pads=[*around, *around]))
    for clip in clips:
        nodes.append(helper.make_node(clip.op_type, [f"{end}_sums", *clip.input[1:]], [f"{end}_clipped"]))
    apart = codes.sizes(f"{end}_apart", (-1, *strides, channels, *blocks))
    joined = codes.sizes(f"{end}_joined", (-1, channels, *whole))
    limits = [
        codes.sizes(f"{end}_first", before),
        codes.sizes(f"{end}_last", [cut + size for cut, size in zip(before, given[2:], strict=True)]),
        codes.sizes(f"{end}_axes", (2, 3)),
    ]
    return [
        *nodes,
        helper.make_node("QuantizeLinear", [nodes[-1].output[0], *quantize.input[1:]], [f"{end}_given"]),
        helper.make_node("Reshape", [f"{end}_given", apart], [f"{end}_blocks"]),
        helper.make_node("Transpose", [f"{end}_blocks"], [f"{end}_spread"], perm=[0, 3, 4, 1, 5, 2]),
        helper.make_node("Reshape", [f"{end}_spread", joined], [f"{end}_whole"]),
        helper.make_node("Slice", [f"{end}_whole", *limits], [end]),
    ]


def _is_plain(options: dict[str, Any]) -> bool:
    """Whether each weight has a place of its own, and the padding is told."""
    undilated = set(options.get("dilations", [1])) == {1} and options.get("group", 1) == 1
    return undilated and options.get("auto_pad", b"NOTSET") == b"NOTSET"


def _side_by_side(weights: np.ndarray, strides: list[int], taps: list[int]) -> np.ndarray:
    """From (in, out, h, w) to (s_h * s_w * out, in, taps_h, taps_w), see above."""
    padded = np.zeros((*weights.shape[:2], taps[0] * strides[0], taps[1] * strides[1]), weights.dtype)
    padded[:, :, : weights.shape[2], : weights.shape[3]] = weights
    parts = padded.reshape(*weights.shape[:2], taps[0], strides[0], taps[1], strides[1])[:, :, ::-1, :, ::-1]
    return parts.transpose(3, 5, 1, 0, 2, 4).reshape(-1, weights.shape[0], *taps)


def _dequantized(codes: Codes, name: str, to: str, values: np.ndarray, strides: list[int]) -> "NodeProto":
    """``values`` with the scales of the constant ``name``: one, or one a channel as often as there are blocks."""
    from onnx import helper

    parameters = []
    for part, source in zip(("scale", "zero_point"), codes.maker[name].input[1:], strict=False):
        value = codes.constants[source]
        times = strides[0] * strides[1] if value.size > 1 else 1
        parameters.append(codes.add(f"{to}_{part}", np.tile(value, times) if times > 1 else value))
    return helper.make_node("DequantizeLinear", [codes.add(f"{to}_codes", values), *parameters], [to], axis=0)
