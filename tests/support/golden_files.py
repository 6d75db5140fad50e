"""Files with int8 ends, and golden pictures for them, made of the shipped files."""

import numpy as np


def int8_ends(content: bytes) -> bytes:
    """A full-integer file whose ends are uint8, with the two QUANTIZE operators at its ends taken away: int8 ends."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    kinds = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    quantize = [graph.operators[index] for index, kind in enumerate(kinds) if kind == schema.BuiltinOperator.QUANTIZE]
    first, last = quantize
    graph.inputs, graph.outputs = np.array(first.outputs), np.array(last.inputs)
    graph.operators = [operator for operator in graph.operators if operator not in (first, last)]
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
