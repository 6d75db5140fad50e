"""An int8 TFLite file whose ELUs take and give codes.

The converter leaves an ELU in float between DEQUANTIZE and QUANTIZE, though LiteRT has an int8 kernel for it: a table
of what the float function gives for each code.
"""

from collections.abc import Collection

from cnnedge.formats.tflite.writer import is_one_of, written_aligned


def with_integer_elu(content: bytes, left_out: Collection[str] = ()) -> bytes:
    """The same function with every ELU between a DEQUANTIZE and a QUANTIZE of int8 joined with the two.

    Args:
        left_out: names of tensors; an ELU that gives one stays in float.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}
    joined = []
    for operator in graph.operators:
        before = makers.get(int(operator.inputs[0])) if len(operator.inputs) else None
        users = [user for user in graph.operators if operator.outputs[0] in user.inputs]
        if before is None or len(users) != 1 or graph.tensors[operator.outputs[0]].name.decode() in left_out:
            continue
        if not all(map(is_one_of, [model] * 3, (before, operator, users[0]), ("DEQUANTIZE", "ELU", "QUANTIZE"))):
            continue
        ends = [before.inputs, users[0].outputs]
        if all(graph.tensors[index[0]].type == schema.TensorType.INT8 for index in ends):
            operator.inputs, operator.outputs = ends
            joined += [before, users[0]]
    if not joined:
        return content
    read = {*map(int, graph.outputs), *(int(index) for operator in graph.operators for index in operator.inputs)}
    writers = {id(operator) for operator in joined if int(operator.outputs[0]) not in read}
    twice = {id(operator) for operator in joined if is_one_of(model, operator, "QUANTIZE")}
    graph.operators = [operator for operator in graph.operators if id(operator) not in writers | twice]
    return written_aligned(model)
