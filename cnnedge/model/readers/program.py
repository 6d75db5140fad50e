"""SavedModel folders: a program of TensorFlow's operators, read as the Keras layers that do the same.

What ``model.export`` of Keras 3 and ``model.save`` of tf.keras write has no layers that Keras 3 could load. Their
operators are few and each is a layer's, so that the network is rebuilt from them, weights included, and compared with
what the program itself gives. So it can be quantized, and trained with quantization, like any other.
"""

import math
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.formats.budget import check_memory
from cnnedge.model.proof import prove_equal, synthetic_pictures
from cnnedge.model.readers.limits import check_costs
from cnnedge.model.readers.operators import OperatorReader, Program

if TYPE_CHECKING:
    import keras

PROGRAM = "saved_model.pb"
_INSTEAD = "save the model itself with model.save('model.keras')"
# They reach outside the program; no classifier of images has them.
_REACHING_OUT = (
    "ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PrintV2",
    "HashTableV2", "InitializeTableFromTextFileV2", "TFRecordReaderV2", "WholeFileReaderV2",
)  # fmt: skip


def load_saved_model(path: Path, input_size: int | None = None) -> "keras.Model":
    """The network in a SavedModel folder, rebuilt: what its signature ``serving_default`` takes and gives.

    With ``input_size`` for images of that height and width, where it takes any.

    Raises:
        ModelError: damaged; it reaches outside itself; it does not take one image of fixed size; it has an operator
            that no layer stands for, or the rebuilt network answers otherwise.
    """
    _check_declared(path)
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    program, traced = _traced(loaded, input_size)
    model = OperatorReader(_program_of(traced)).model()
    check_costs(model)
    shape = model.input_shape[1:]
    pictures = synthetic_pictures((*shape, 1)[:3]).reshape(-1, *shape)
    prove_equal(model, lambda pixels: _answers(program, pixels), pictures)
    return model


def _check_declared(path: Path) -> None:
    """Refuse what reaches outside, and values that are declared and not stored."""
    from tensorflow.core.protobuf import saved_model_pb2

    _check_variables(path)
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((path / PROGRAM).read_bytes())
    stored = content.ByteSize()  # once: it goes through all of it, 6 ms each for the 6,600 operators of a MobileNetV2
    constants = 0
    for part in content.meta_graphs:
        functions = (node for function in part.graph_def.library.function for node in function.node_def)
        for node in (*part.graph_def.node, *functions):
            if node.op in _REACHING_OUT:
                raise ModelError(f"has the operator {node.op}, which reaches outside the network: {_INSTEAD}")
            constants += _constant_bytes(node)
            check_memory(f"has the constant {node.name[-30:]!r}, which", constants - stored)


def _constant_bytes(node: Any) -> int:
    """What a constant takes; one value can stand for all of them."""
    import tensorflow as tf

    if node.op != "Const":
        return 0
    tensor = node.attr["value"].tensor
    return math.prod(side.size for side in tensor.tensor_shape.dim) * tf.as_dtype(tensor.dtype).size


def _check_variables(path: Path) -> None:
    import tensorflow as tf

    for part in path.rglob("*"):
        if not (part.is_dir() or part.is_file()):
            raise ModelError(f"holds {part.name!r}, which is no regular file")
    folder = path / "variables"
    if not folder.is_dir():
        return
    index = tf.train.load_checkpoint(str(folder / "variables"))
    types = index.get_variable_to_dtype_map()
    shapes = index.get_variable_to_shape_map()
    declared = sum(math.prod(shape) * types[name].size for name, shape in shapes.items())
    stored = sum(part.stat().st_size for part in folder.iterdir())
    if declared > stored:
        raise ModelError(f"declares variables of {declared:,} bytes and stores {stored:,}")


def _traced(loaded: Any, input_size: int | None) -> tuple[Callable[..., Any], Any]:
    """The program's signature for one image, as a function of TensorFlow's."""
    import tensorflow as tf

    serve = loaded.signatures.get("serving_default")
    if serve is None:
        raise ModelError(f"has no signature serving_default: {_INSTEAD}")
    (name, spec), *others = serve.structured_input_signature[1].items()
    if others or len(serve.structured_outputs) != 1:
        raise ModelError(f"has {1 + len(others)} inputs and {len(serve.structured_outputs)} outputs, expected one each")
    one = tf.TensorSpec((1, *_image_shape(spec, input_size)), tf.float32, name="image")
    program = tf.function(lambda image: next(iter(serve(**{name: image}).values())), input_signature=[one])
    return program, program.get_concrete_function()


def _program_of(traced: Any) -> Program:
    """The graph with all its functions opened, and the values of its variables."""
    from tensorflow.lite.python.util import get_grappler_config, run_graph_optimizations

    variables = {id(variable.handle): variable for variable in traced.graph.variables}
    known = {inner.op.name: np.asarray(variables.get(id(outer), outer)) for outer, inner in traced.graph.captures}
    image, output = traced.inputs[0], traced.outputs[0]
    graph = run_graph_optimizations(
        traced.graph.as_graph_def(),
        traced.inputs,
        [output],
        config=get_grappler_config(["function"]),
        graph=traced.graph,
    )
    return Program(graph, image, output, known)


def _image_shape(spec: Any, input_size: int | None) -> tuple[int, ...]:
    """Height, width and channels, or no channels, of the images that the signature takes."""
    shape = tuple(spec.shape)[1:] if spec.shape.rank else ()
    if spec.dtype.name != "float32" or len(shape) not in (2, 3):
        raise ModelError(
            f"takes {spec.dtype.name} of shape {shape}, expected float32 (height, width, 1 or 3): {_INSTEAD}"
        )
    fixed = (shape[0] or input_size, shape[1] or input_size, *shape[2:])
    if None in fixed:
        raise ModelError(f"takes images {shape}, expected (height, width, 1 or 3): --input-size N says which")
    return typing.cast(tuple[int, ...], fixed)


def _answers(program: Callable[..., Any], pixels: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    return np.concatenate([np.asarray(program(tf.constant(pixels[i : i + 1]))) for i in range(len(pixels))])
