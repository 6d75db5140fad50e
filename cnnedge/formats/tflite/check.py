"""Refusing damaged and hostile TFLite files before LiteRT's native code sees them.

LiteRT trusts a file's offsets, indices and option values: a flipped bit can end the process with a signal,
which no Python code can catch. Reading the structure (``reader``) has already checked the offsets; here are
the values.
"""

import numpy as np

from cnnedge.formats.tflite.budget import BYTES, check_budget, size_of
from cnnedge.formats.tflite.flatbuffer import Damaged
from cnnedge.formats.tflite.flow import check_flow
from cnnedge.formats.tflite.operators import RULES
from cnnedge.formats.tflite.reader import Operator, Quantization, Subgraph, Tensor, TFLiteModel
from cnnedge.formats.tflite.sides import check_ranks, check_sides, check_wiring

# The largest activation of ResNet-50 at 224x224 is 3 MB in float32; a tensor beyond this is a lie, and LiteRT
# would try to allocate it.
MAX_TENSOR_BYTES = 2**28
MAX_RANK = 6
# Scales are steps between neighbouring values. Real ones lie within 1e-12..1e4; LiteRT aborts the process
# when the ratio of two of them leaves what its fixed-point arithmetic can express.
SCALES = (1e-15, 1e6)
# A bias has the product of two such scales, which need not be one: kernels only compare it with that product.
BIAS_SCALES = (1e-38, 1e12)


def check_graph(model: TFLiteModel) -> None:
    """Check everything in a TFLite file that LiteRT would trust.

    Raises:
        ModelError: the file is damaged, or holds an operator that cnnedge does not let LiteRT run.
    """
    if len(model.subgraphs) != 1:
        raise Damaged(f"the file holds {len(model.subgraphs)} graphs, expected 1")
    graph = model.subgraphs[0]
    if not graph.inputs:  # XNNPACK cannot run one that calculates from constants alone
        raise Damaged("its graph takes no input")
    for tensor in graph.tensors:
        _check_tensor(tensor, model.buffers)
    _check_order(graph, [_is_constant(tensor, model.buffers) for tensor in graph.tensors])
    for operator in graph.operators:
        _check_operator(operator)
        check_wiring(operator)
        check_ranks(operator, graph.tensors)
        check_flow(operator, graph.tensors, model.buffers, model.content)
        check_sides(operator, model)
    check_budget(model)
    for signature in model.signatures:
        if signature.subgraph != 0:
            raise Damaged(f"a signature belongs to graph {signature.subgraph}, of 1")
        if not all(index < len(graph.tensors) for index in (*signature.inputs, *signature.outputs)):
            raise Damaged(f"a signature names a tensor beyond {len(graph.tensors)}")


def _is_constant(tensor: Tensor, buffers: tuple[tuple[int, int], ...]) -> bool:
    return buffers[tensor.buffer][1] > 0


def _check_tensor(tensor: Tensor, buffers: tuple[tuple[int, int], ...]) -> None:
    name = f"tensor {tensor.name[:60]!r}"
    if tensor.dtype not in BYTES or tensor.is_sparse or tensor.is_variable:
        kind = "sparse" if tensor.is_sparse else "variable" if tensor.is_variable else tensor.dtype
        raise Damaged(f"{name} is {kind}, expected {', '.join(BYTES)}")
    if len(tensor.shape) > MAX_RANK or any(size < 1 for size in tensor.shape):
        raise Damaged(f"{name} has shape {tensor.shape}, expected at most {MAX_RANK} sizes of at least 1")
    needed = size_of(tensor)
    if needed > MAX_TENSOR_BYTES:
        raise Damaged(f"{name} has shape {tensor.shape}: {needed:,} bytes, expected at most {MAX_TENSOR_BYTES:,}")
    _check_signature(name, tensor)
    held = buffers[tensor.buffer][1]
    if held and held != needed:
        raise Damaged(f"{name} has {held:,} bytes of data, expected {needed:,} for shape {tensor.shape}")
    if tensor.quantization:
        _check_quantization(name, tensor, tensor.quantization)


def _check_signature(name: str, tensor: Tensor) -> None:
    pairs = zip(tensor.signature, tensor.shape, strict=False)
    if len(tensor.signature) != len(tensor.shape) or any(free not in (-1, size) for free, size in pairs):
        raise Damaged(f"{name} has shape {tensor.shape} and shape signature {tensor.signature}, which disagree")


def _check_quantization(name: str, tensor: Tensor, quantization: Quantization) -> None:
    slices = 1
    if len(quantization.scale) > 1:
        if not 0 <= quantization.axis < len(tensor.shape):
            raise Damaged(f"{name} is quantized along axis {quantization.axis} of shape {tensor.shape}")
        slices = tensor.shape[quantization.axis]
    if not len(quantization.scale) == len(quantization.zero_point) == slices:
        raise Damaged(
            f"{name} has {len(quantization.scale)} scales and {len(quantization.zero_point)} zero points, "
            f"expected {slices} of each"
        )
    low, high = SCALES if tensor.dtype not in ("int32", "int64") else BIAS_SCALES
    if not all(low <= scale <= high for scale in quantization.scale):  # False for nan as well
        raise Damaged(f"{name} has a scale outside {low:g}..{high:g}")
    limits = np.iinfo(tensor.dtype if tensor.dtype in ("uint8", "int8", "int16") else "int32")
    if not all(limits.min <= zero_point <= limits.max for zero_point in quantization.zero_point):
        raise Damaged(f"{name} has a zero point outside {tensor.dtype}")


def _check_order(graph: Subgraph, known: list[bool]) -> None:
    """Every operator may read only constants, graph inputs and what an earlier operator wrote, once."""
    for index in graph.inputs:
        if known[index]:
            raise Damaged(f"graph input {index} is a constant, or is listed twice")
        known[index] = True
    for operator in graph.operators:
        for index in operator.inputs:
            if index != -1 and not known[index]:
                raise Damaged(f"{operator.name} reads tensor {index} before anything wrote it")
        for index in operator.outputs:
            if known[index]:
                raise Damaged(f"{operator.name} writes tensor {index}, which is already written")
            known[index] = True
    if not all(known[index] for index in graph.outputs):
        raise Damaged("a graph output is never written")


def _check_operator(operator: Operator) -> None:
    rule = RULES.get(operator.name)
    if rule is None:
        raise Damaged(f"operator {operator.name[:60]} is not one of those that cnnedge runs (image classifiers')")
    few, many = rule.inputs
    if not few <= len(operator.inputs) <= many or -1 in operator.inputs[:few]:
        raise Damaged(f"{operator.name} has {len(operator.inputs)} inputs, expected {few} to {many}")
    few, many = rule.outputs
    if not few <= len(operator.outputs) <= many or operator.intermediates:
        raise Damaged(f"{operator.name} has {len(operator.outputs)} outputs, expected {few} to {many}")
    if operator.has_second_options or operator.options_type != (rule.options if operator.options else 0):
        raise Damaged(f"{operator.name} has options of kind {operator.options_type}, expected {rule.options}")
    members = len(operator.inputs) if operator.name == "PACK" else len(operator.outputs)
    problem = rule.broken_by(operator.options, members)
    if problem:
        raise Damaged(f"{operator.name}: {problem}")
