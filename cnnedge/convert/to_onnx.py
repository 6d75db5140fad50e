"""TFLite to ONNX bytes.

Both ONNX files are made from the TFLite file of the same precision: tf2onnx turns its operators, and for int8 its own
quantization parameters, into an ONNX graph with a free batch. The int8 graph (QDQ form) is then put into the shape
that ONNX Runtime fuses into integer kernels on x86 and on Arm:

- activations become uint8 (same scale, zero point + 128): ONNX Runtime takes int8 activations on Arm only;
- weights of convolutions and dense layers become 7-bit (-63..63): see ``qat`` for why they cannot saturate; every other
  constant keeps its value;
- the input is the uint8 image itself: the pair of operators that re-centres it in TFLite cancels out;
- what ONNX Runtime has no integer kernel for is written in operators that have one (``kernels``);
- the last operator, mostly a softmax, gives floats: an ONNX output carries no scale that a caller could undo.

So the TFLite and the ONNX file share their activation scales, and after QAT their weights too. Without QAT, weights
that have been rounded to the 7-bit grid before (``round_weights``) come out as they went in.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.convert.flat_dense import with_flat_inputs
from cnnedge.convert.free_batch import with_free_batch
from cnnedge.convert.integer_graph import IntegerGraph
from cnnedge.convert.kernels.rewriting import with_integer_kernels
from cnnedge.convert.missing_operators import write_out
from cnnedge.convert.runnable import refuse_unrunnable
from cnnedge.convert.saved import let_go, quiet
from cnnedge.convert.separate_clips import with_separate_clips
from cnnedge.errors import ConversionError
from cnnedge.formats.facts import COMPUTE
from cnnedge.formats.model_file import open_model_file
from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME
from cnnedge.passport import AUTHOR, PASSPORT_KEY, Passport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import GraphProto, ModelProto

# 17 is read by every ONNX Runtime since 1.12 (2022) and has per-channel DequantizeLinear (13).
OPSET = 17


def convert_onnx_float32(tflite: bytes) -> bytes:
    """Convert a float32 TFLite file: input ``image`` float32 (N, H, W, C) 0..255, output ``probabilities``.

    Raises:
        ConversionError: an operator that tf2onnx has no rule for; its reason is in the message.
    """
    model = _from_tflite(tflite, "float32")
    _rename(model.graph, model.graph.output[0].name, OUTPUT_NAME)
    return _finish(model, "float32")


def convert_onnx_int8(tflite: bytes, weight_bits: int = 7) -> bytes:
    """Convert an int8 TFLite file with uint8 input and output into the QDQ graph of the module's docstring.

    Input ``image`` uint8 (N, H, W, C) 0..255, output ``probabilities`` float32 (N, classes). With ``weight_bits`` 8 the
    weights are those of the TFLite file: right only where 16-bit sums cannot saturate (x86 with VNNI, Arm).

    Raises:
        ConversionError: an operator that the conversion has no rule for; named in the message.
    """
    model = _from_tflite(tflite, "int8")
    IntegerGraph(model.graph, weight_bits).rewrite()
    with_integer_kernels(model)
    return _finish(model, "int8")


def _from_tflite(tflite: bytes, precision: str) -> "ModelProto":
    with quiet(), tempfile.TemporaryDirectory(prefix="cnnedge-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(with_free_batch(with_separate_clips(with_flat_inputs(tflite))))
        try:
            with _few_copies():
                model = _turned(path)
        except Exception:  # perhaps of one of its passes, which it leaves out where it has a copy to go back to
            try:
                model = _turned(path)
            except Exception as error:
                raise ConversionError(f"ONNX {precision} conversion failed: {error}") from error
    let_go()  # tf2onnx's graph, whose nodes refer to each other
    write_out(model.graph)
    _rename(model.graph, model.graph.input[0].name, INPUT_NAME)
    return model


def embed_passport_onnx(content: bytes, passport: Passport) -> bytes:
    """Put a passport, and its facts as plain properties, into the file's metadata properties.

    ``model_author``, ``model_license`` and the ``Image.`` names are those of the ONNX specification
    (docs/IR.md, docs/MetadataProps.md); ``labels`` is a JSON list.
    """
    import onnx

    model = onnx.load_from_string(content)
    properties = {
        "name": passport.model,
        "description": passport.description,
        "version": passport.version,
        "model_author": AUTHOR,
        "model_license": passport.licence,
        "labels": json.dumps(list(passport.labels)),
        "Image.BitmapPixelFormat": "Gray8" if passport.input_shape[2] == 1 else "Rgb8",
        "Image.NominalPixelRange": "NominalRange_0_255",
        PASSPORT_KEY: passport.to_json(),
    }
    onnx.helper.set_model_props(model, properties)
    return model.SerializeToString()


def _turned(path: Path) -> "ModelProto":
    import tf2onnx

    return tf2onnx.convert.from_tflite(str(path), opset=OPSET)[0]


@contextlib.contextmanager
def _few_copies() -> "Iterator[None]":
    """Let tf2onnx hold weights of 112 MB in 0.9 GB in place of 6.

    It copies the graph before each of a dozen passes, and each pass copies every constant into its node's message,
    which frees nothing while it lives; a model gets its constants from elsewhere (``Graph.make_graph``).
    """
    from tf2onnx.constants import ENV_TF2ONNX_CATCH_ERRORS
    from tf2onnx.graph import Node

    update, known = Node.update_proto, os.environ.get(ENV_TF2ONNX_CATCH_ERRORS)
    Node.update_proto = lambda node, storage=None: None if node.is_const() else update(node, storage)
    os.environ[ENV_TF2ONNX_CATCH_ERRORS] = "FALSE"
    try:
        yield
    finally:
        Node.update_proto = update
        del os.environ[ENV_TF2ONNX_CATCH_ERRORS]
        os.environ |= {} if known is None else {ENV_TF2ONNX_CATCH_ERRORS: known}


def _free_batch(graph: "GraphProto") -> None:
    """Make the batch a free dimension: the ends, and every reshape that names a batch of 1."""
    from onnx import numpy_helper

    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]
    constants = {item.name: item for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[0] not in constants:
            target = numpy_helper.to_array(constants[node.input[1]]).copy()
            # Where another size is left open, 0 takes the batch over from the input.
            target[0] = 0 if (target[1:] == -1).any() else -1
            constants[node.input[1]].CopyFrom(numpy_helper.from_array(target, node.input[1]))


def _rename(graph: "GraphProto", old: str, new: str) -> None:
    for end in (*graph.input, *graph.output):
        end.name = new if end.name == old else end.name
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


def _shorten_names(graph: "GraphProto") -> dict[str, str]:
    """Number the inner tensors: TFLite's names list every fused layer and weigh several kB. The old names, by new."""
    short = {INPUT_NAME: INPUT_NAME, OUTPUT_NAME: OUTPUT_NAME, "": ""}
    for name in (
        *(item.name for item in graph.initializer),
        *(out for node in graph.node for out in node.output),
    ):
        short.setdefault(name, f"t{len(short)}")
    for item in graph.initializer:
        item.name = short[item.name]
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        node.input[:] = [short[name] for name in node.input]
        node.output[:] = [short[name] for name in node.output]
    return {new: old for old, new in short.items()}


def _with_layers_of_floats(model: "ModelProto", content: bytes, old_names: dict[str, str]) -> bytes:
    """The file in which every node that is left in float is named after the layer that it comes from."""
    floats = {operator.where for operator in open_model_file(content, "onnx").facts.float_before_last_layer()}
    for node in model.graph.node:
        if node.output[0] in floats:
            names = old_names[node.output[0]].split(";")
            # Of a layer that was joined with its activation, the activation's name comes first.
            node.name = f"{names[-1 if node.op_type in COMPUTE else 0]}/{node.name}"
    return model.SerializeToString() if floats else content


def _finish(model: "ModelProto", precision: str) -> bytes:
    import onnx

    _free_batch(model.graph)
    old_names = _shorten_names(model.graph)
    model.doc_string = ""
    model.graph.name = "classifier"
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ConversionError(f"the converted ONNX graph is not valid: {error}") from error
    content = model.SerializeToString()
    if precision == "int8":
        content = _with_layers_of_floats(model, content, old_names)
    refuse_unrunnable(content, "onnx", precision)
    return content
