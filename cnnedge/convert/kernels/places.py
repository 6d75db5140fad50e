"""A dense layer on a sequence or a map: a row for each place.

ONNX Runtime makes one integer kernel of a product of two matrices and its bias; of a product with three axes or more it
does so without a bias alone, and adds it in float. The places of all pictures stand in one matrix: (batch x places,
features).
"""

from typing import TYPE_CHECKING

from cnnedge.convert.kernels.codes import Codes

if TYPE_CHECKING:
    from onnx import NodeProto

_FLAT = 2


def one_row_each(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    from onnx import helper

    add, clips = codes.behind_clip(quantize.input[0])
    if add is None or add.op_type != "Add":
        return None
    product = next((codes.alone(name) for name in add.input if not codes.is_constant(name)), None)
    bias = next(filter(codes.is_constant, add.input), None)
    if bias is None or product is None or product.op_type != "MatMul" or not codes.is_constant(product.input[1]):
        return None
    taken, weights, end = codes.stored(product.input[0]), codes.constant(product.input[1]), quantize.output[0]
    shape = codes.shape(end)
    if taken is None or weights is None or weights.ndim != _FLAT or shape is None or len(shape) == _FLAT:
        return None
    rows = codes.sizes(f"{end}_rows", (-1, weights.shape[0]))
    places = codes.sizes(f"{end}_places", (-1, *shape[1:]))
    nodes = [
        helper.make_node("Reshape", [taken.name, rows], [f"{end}_taken"]),
        helper.make_node("DequantizeLinear", [f"{end}_taken", taken.scale, taken.zero_point], [f"{end}_values"]),
        helper.make_node("MatMul", [f"{end}_values", product.input[1]], [f"{end}_product"]),
        helper.make_node("Add", [f"{end}_product", bias], [f"{end}_sum"]),
    ]
    last = f"{end}_sum"
    for clip in clips:
        nodes.append(helper.make_node(clip.op_type, [last, *clip.input[1:]], [f"{end}_clipped"]))
        last = f"{end}_clipped"
    return [
        *nodes,
        helper.make_node("QuantizeLinear", [last, *quantize.input[1:]], [f"{end}_given"]),
        helper.make_node("Reshape", [f"{end}_given", places], [end]),
    ]
