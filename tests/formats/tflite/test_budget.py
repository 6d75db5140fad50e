"""A small file may claim what no machine has: it is refused from its numbers, before anything is taken."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from cnnedge.errors import ModelError
from cnnedge.formats.budget import MAX_MEMORY_BYTES, MAX_WORK
from cnnedge.formats.model_file import open_model_file
from tests.support.tflite_objects import packed
from tests.support.tflite_templates import sound


def reshaped(name: str, shape: list[int], **options: int) -> schema.ModelT:
    model = sound(name)
    for index in (*model.subgraphs[0].inputs, *model.subgraphs[0].outputs):
        model.subgraphs[0].tensors[index].shape = shape
    for option, value in options.items():
        setattr(model.subgraphs[0].operators[0].builtinOptions, option, value)
    return model


def test_windows_take_memory_of_their_own():
    """512 x 512 positions of 256 x 256 windows are pointers of 8 bytes: 137 GB for an image of 0.8 MB."""
    model = reshaped("MAX_POOL_2D", [1, 512, 512, 3], filterWidth=256, filterHeight=256)
    size = 8 * 512**2 * 256**2
    with pytest.raises(ModelError, match=rf"MAX_POOL_2D needs {size + 2 * 4 * 3 * 512**2:,} bytes of memory"):
        open_model_file(packed(model), "tflite").check_runnable()


def test_tensors_that_are_alive_together_are_added():
    """Two inputs and an output of 100 MB each are allowed one by one, and not together."""
    side = 2886
    assert 4 * 3 * side**2 < MAX_MEMORY_BYTES < 3 * 4 * 3 * side**2
    with pytest.raises(ModelError, match=r"ADD needs \d{3},\d{3},\d{3} bytes of memory, expected at most"):
        open_model_file(packed(reshaped("ADD", [1, side, side, 3])), "tflite").check_runnable()
    open_model_file(packed(reshaped("RELU", [1, side, side, 3])), "tflite").check_runnable()


def test_work_is_bounded():
    """A product of 4,000 x 4,000 by 4,000 takes minutes on kernels without vector instructions."""
    assert MAX_WORK < 4000**3
    model = sound("BATCH_MATMUL")
    for tensor in model.subgraphs[0].tensors:
        tensor.shape = [1, 4000, 4000]
    with pytest.raises(ModelError, match=r"BATCH_MATMUL takes 64,000,000,000 multiplications, expected at most"):
        open_model_file(packed(model), "tflite").check_runnable()


def test_tables_that_share_a_list_are_counted_each_time():
    """100 tensors of one list of 100,000 numbers: 0.4 MB that would be read as 10 million numbers."""
    builder = Builder(1 << 20)
    shape = builder.CreateNumpyVector(np.ones(100_000, np.int32))
    tables = []
    for _ in range(100):
        schema.TensorStart(builder)
        schema.TensorAddShape(builder, shape)
        tables.append(schema.TensorEnd(builder))
    builder.StartVector(4, len(tables), 4)
    for table in tables:
        builder.PrependUOffsetTRelative(table)
    tensors = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    graph = schema.SubGraphEnd(builder)
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    with pytest.raises(ModelError, match="share their content over and over"):
        open_model_file(bytes(builder.Output()), "tflite")
