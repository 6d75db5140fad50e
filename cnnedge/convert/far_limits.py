"""An int16x8 TFLite file whose upper limits are as far up as they were meant.

A limit far above everything it limits (``clip(x, -1e9, 1e9)``, the 1e12 inside Keras's UnitNormalization) has no code
of the scale that it shares with that. The converter turns the number into an integer of 32 bits, which overflows, and
writes the lowest code: the limit was below everything then, and every value became the same.
"""

import numpy as np

from cnnedge.formats.tflite.writer import is_one_of, written_aligned

_LOWEST, _HIGHEST = -32767, 32767


def with_far_limits(content: bytes) -> bytes:
    """The same function with the highest code in place of the lowest in every constant of 16 bits in a MINIMUM.

    No network is meant so: a limit that really has the lowest code lets nothing else through.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph, changed = model.subgraphs[0], False
    for operator in graph.operators:
        if not is_one_of(model, operator, "MINIMUM"):
            continue
        for tensor in (graph.tensors[index] for index in operator.inputs):
            data = model.buffers[tensor.buffer].data
            if tensor.type != schema.TensorType.INT16 or data is None:
                continue
            codes = np.frombuffer(bytes(bytearray(data)), "<i2")
            if (codes == _LOWEST).any():
                buffer = schema.BufferT()
                buffer.data = np.frombuffer(np.where(codes == _LOWEST, _HIGHEST, codes).astype("<i2").tobytes(), "u1")
                tensor.buffer, changed = len(model.buffers), True  # another tensor may have the same constant
                model.buffers.append(buffer)
    return written_aligned(model) if changed else content
