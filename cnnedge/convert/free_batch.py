"""A TFLite file that says of its batch of 1 that it may have any size, for tf2onnx.

Where it reads a 1, tf2onnx counts on it: a transposition of a map of 1 x 1 x 160 became a reshape to (160,), which is
right for one picture and fails for sixteen. Whether it did depended on Python's hash seed.
"""

import numpy as np

_ANY = -1


def with_free_batch(content: bytes) -> bytes:
    """The same function; the first axis of everything that is calculated is marked as free where it is 1."""
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    calculated = [index for operator in graph.operators for index in operator.outputs]
    for index in (*graph.inputs, *calculated):
        tensor = graph.tensors[index]
        if len(tensor.shape) > 1 and tensor.shape[0] == 1:
            tensor.shapeSignature = np.array([_ANY, *tensor.shape[1:]], "int32")
    return written_aligned(model)
