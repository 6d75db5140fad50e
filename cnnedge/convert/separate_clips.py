"""A TFLite file whose layers end in no clipping to -1..1, for tf2onnx.

The converter lets a layer end in RELU_N1_TO_1, which Keras calls hard_tanh; tf2onnx 1.17 knows no such end of a layer.
As an operator of its own ``missing_operators`` writes it out.
"""

import copy
from typing import Any


def with_separate_clips(content: bytes) -> bytes:
    """The same function with an operator RELU_N1_TO_1 behind every layer that ended in it."""
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.writer import written_aligned

    clip = schema.ActivationFunctionType.RELU_N1_TO_1
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    operators: list[Any] = []
    for operator in graph.operators:
        operators.append(operator)
        if getattr(operator.builtinOptions, "fusedActivationFunction", None) == clip:
            operators.append(_separated(model, graph, operator))
    if len(operators) == len(graph.operators):
        return content
    graph.operators = operators
    return written_aligned(model)


def _separated(model: Any, graph: Any, layer: Any) -> Any:
    """The operator that clips what ``layer`` gives; between them lies a tensor like its output."""
    from ai_edge_litert import schema_py_generated as schema

    from cnnedge.formats.tflite.ends import operator_code

    between = copy.copy(graph.tensors[layer.outputs[0]])
    between.name += b"_unclipped"
    clip = schema.OperatorT()
    clip.opcodeIndex = operator_code(model, schema.BuiltinOperator.RELU_N1_TO_1)
    clip.inputs, clip.outputs = [len(graph.tensors)], list(layer.outputs)
    layer.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
    layer.outputs = list(clip.inputs)
    graph.tensors.append(between)
    return clip
