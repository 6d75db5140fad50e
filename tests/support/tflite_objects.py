"""A TFLite file as objects of its schema, to be changed and written again."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from cnnedge.formats.model_file import ModelFile, open_model_file
from tests.support import models

OPERATORS = schema.BuiltinOperator


def packed(model: schema.ModelT) -> bytes:
    builder = Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def parsed() -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(models.digits_tflite(), 0)


def first(model: schema.ModelT, builtin: int) -> schema.OperatorT:
    graph = model.subgraphs[0]
    return next(op for op in graph.operators if model.operatorCodes[op.opcodeIndex].builtinCode == builtin)


def assert_relu_zero_points(content: bytes, expected: int) -> None:
    """Every activation with "Relu" in its name starts at 0, so its zero point is -128."""
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_content=content).get_tensor_details()
    relus = [detail for detail in details if "Relu" in detail["name"] and detail["dtype"] is np.int8]
    assert [int(detail["quantization"][1]) for detail in relus] == [-128] * len(relus)
    assert len(relus) == expected


def opened(model: schema.ModelT) -> ModelFile:
    """The file, checked as before a run."""
    file = open_model_file(packed(model), "tflite")
    file.check_runnable()
    return file


def tensors(model: schema.ModelT) -> list[schema.TensorT]:
    return model.subgraphs[0].tensors


def operator(model: schema.ModelT) -> schema.OperatorT:
    """The first one."""
    return model.subgraphs[0].operators[0]


def with_int8_ends(content: bytes) -> bytes:
    """A file of ours between uint8 ends, without the two operators that make int8 of them; and without its metadata."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    first, *graph.operators, last = graph.operators
    graph.inputs, graph.outputs = first.outputs, last.inputs
    model.signatureDefs = model.metadata = None
    return packed(model)
