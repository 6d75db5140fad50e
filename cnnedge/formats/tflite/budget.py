"""How much memory and work one image takes, reckoned from the shapes before a runtime takes either."""

import math
from collections.abc import Sequence

from cnnedge.formats.budget import check_memory, check_work
from cnnedge.formats.tflite.reader import Operator, Subgraph, Tensor, TFLiteModel

# Bytes per element; int4 is two to a byte. Types missing here (strings, resources) have no place in a classifier.
BYTES = {
    "float32": 4, "float16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint8": 1, "int8": 1, "bool": 1,
    "int16": 2, "int4": 0.5,
}  # fmt: skip
# Bytes for each position of a window: a pointer in XNNPACK's tables, or a value that is laid out for multiplying.
_POINTER = 8
_POOLS = {"AVERAGE_POOL_2D": (4, 3), "MAX_POOL_2D": (4, 3), "L2_POOL_2D": (4, 3)}


def check_budget(model: TFLiteModel) -> None:
    """Check what one run of the graph takes.

    Raises:
        ModelError: more memory at a time, or more work, than any image classifier.
    """
    graph = model.subgraphs[0]
    constant = [model.buffers[tensor.buffer][1] > 0 for tensor in graph.tensors]
    sizes = [0 if constant[index] else size_of(tensor) for index, tensor in enumerate(graph.tensors)]
    last = _last_reads(graph)
    live = {index: sizes[index] for index in graph.inputs}
    for number, operator in enumerate(graph.operators):
        tensors = [graph.tensors[index] for index in operator.inputs if index != -1]
        output = graph.tensors[operator.outputs[0]]
        live.update((index, sizes[index]) for index in operator.outputs)
        window = _window(operator, tensors, output)
        check_memory(operator.name, sum(live.values()) + window)
        check_work(operator.name, _work(operator, tensors, output) + window)
        live = {index: size for index, size in live.items() if last.get(index, -1) > number}


def size_of(tensor: Tensor) -> int:
    """Bytes of its data."""
    return math.ceil(math.prod(tensor.shape) * BYTES.get(tensor.dtype, 8))


def _last_reads(graph: Subgraph) -> dict[int, int]:
    """The number of the last operator that reads a tensor; outputs are read at the end."""
    reads = {index: number for number, operator in enumerate(graph.operators) for index in operator.inputs}
    return reads | dict.fromkeys(graph.outputs, len(graph.operators))


def _window(operator: Operator, tensors: Sequence[Tensor], output: Tensor) -> int:
    """Bytes of the tables or copies that a kernel makes of its windows."""
    if operator.name in _POOLS and operator.options is not None:
        height, width = (operator.options.integer(field, "i") for field in _POOLS[operator.name])
        return _POINTER * math.prod(output.shape[:3]) * height * width
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
        return 0
    height, width = tensors[1].shape[1:3]
    if operator.name == "TRANSPOSE_CONV":  # every input position is spread over the window of every output channel
        return 4 * math.prod(tensors[2].shape[:3]) * height * width * tensors[1].shape[0]
    positions = math.prod(output.shape[:3]) * height * width
    copied = 0 if operator.name == "DEPTHWISE_CONV_2D" or height * width == 1 else tensors[0].shape[3]
    return positions * max(_POINTER, math.ceil(copied * BYTES.get(tensors[0].dtype, 4)))


def _work(operator: Operator, tensors: Sequence[Tensor], output: Tensor) -> int:
    """Multiplications, or values that are written where there are none to speak of."""
    written = math.prod(output.shape)
    if operator.name in ("CONV_2D", "FULLY_CONNECTED"):
        return written * math.prod(tensors[1].shape[1:])
    if operator.name == "DEPTHWISE_CONV_2D":
        return written * math.prod(tensors[1].shape[1:3])
    if operator.name == "TRANSPOSE_CONV":
        return math.prod(tensors[2].shape) * math.prod(tensors[1].shape[:3])
    if operator.name == "BATCH_MATMUL":
        return written * max(tensors[0].shape[-2:], default=1)
    return written + sum(math.prod(tensor.shape) for tensor in tensors)
