"""TFLite to ONNX bytes.

Both ONNX files are made from the TFLite file of the same precision: tf2onnx turns its operators, and for int8 its own
quantization parameters, into an ONNX graph with a free batch. The int8 graph (QDQ form) is then put into the shape
that ONNX Runtime fuses into integer kernels on x86 and on Arm:

- activations become uint8 (same scale, zero point + 128): ONNX Runtime takes int8 activations on Arm only;
- weights become 7-bit (-63..63): see ``qat`` for why they cannot saturate;
- the input is the uint8 image itself: the pair of operators that re-centres it in TFLite cancels out;
- the softmax is float, as is the output: an ONNX output carries no scale that a caller could undo.

So the TFLite and the ONNX file share their activation scales, and after QAT their weights too.
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.qat.fake_quantize import WEIGHT_LEVELS
from cnnedge.convert.to_tflite import quiet
from cnnedge.errors import ConversionError
from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME
from cnnedge.passport import AUTHOR, PASSPORT_KEY, Passport

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

# 17 is read by every ONNX Runtime since 1.12 (2022) and has per-channel DequantizeLinear (13).
OPSET = 17


def convert_onnx_float32(tflite: bytes) -> bytes:
    """Convert a float32 TFLite file: input ``image`` float32 (N, H, W, C) 0..255, output ``probabilities``.

    Raises:
        ConversionError: an operator that tf2onnx has no rule for; its reason is in the message.
    """
    model = _from_tflite(tflite, "float32")
    _rename(model.graph, model.graph.output[0].name, OUTPUT_NAME)
    return _finish(model)


def convert_onnx_int8(tflite: bytes) -> bytes:
    """Convert an int8 TFLite file with uint8 input and output into the QDQ graph of the module's docstring.

    Input ``image`` uint8 (N, H, W, C) 0..255, output ``probabilities`` float32 (N, classes).

    Raises:
        ConversionError: an operator that the conversion has no rule for; named in the message.
    """
    model = _from_tflite(tflite, "int8")
    _Int8Graph(model.graph).rewrite()
    return _finish(model)


def _from_tflite(tflite: bytes, precision: str) -> "ModelProto":
    with quiet(), tempfile.TemporaryDirectory(prefix="cnnedge-") as folder:
        import tf2onnx

        path = Path(folder) / "model.tflite"
        path.write_bytes(tflite)
        try:
            model, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
        except Exception as error:
            raise ConversionError(f"ONNX {precision} conversion failed: {error}") from error
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


class _Int8Graph:
    """The rewriting of one QDQ graph, with lookups kept by tensor name."""

    def __init__(self, graph: "GraphProto") -> None:
        from onnx import numpy_helper

        self.graph = graph
        self.constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        self.producer: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output}

    def rewrite(self) -> None:
        for node in list(self.graph.node):
            if node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) == 3:
                self._rewrite_quantizer(node)
        self._drop_input_recentring()
        self._end_in_float_softmax()
        self._prune()

    def _rewrite_quantizer(self, node: "NodeProto") -> None:
        zero_point = self.constants[node.input[2]]
        if zero_point.dtype == np.int8 and node.input[0] in self.constants:
            self._to_seven_bits(node)
        elif zero_point.dtype == np.int8:
            shifted = (zero_point.astype("int32") + 128).astype("uint8")
            node.input[2] = self._add(f"{node.output[0]}_zero_point", shifted)

    def _to_seven_bits(self, node: "NodeProto") -> None:
        """Weights q * s, q in -127..127, become p * t, p in -63..63; exact when every q is even (QAT)."""
        codes = self.constants[node.input[0]].astype("int32")
        scale = self.constants[node.input[1]].astype("float64")
        # 126/63 = 2 exactly for QAT's even codes; 127/63 for codes that fill the whole range.
        top = 126 if np.all(codes % 2 == 0) else 127
        factor = top / WEIGHT_LEVELS
        reduced = np.clip(np.round(codes / factor), -WEIGHT_LEVELS, WEIGHT_LEVELS)
        node.input[0] = self._add(f"{node.output[0]}_codes", reduced.astype("int8"))
        node.input[1] = self._add(f"{node.output[0]}_scale", (scale * factor).astype("float32"))
        self._rescale_bias(node, factor)

    def _rescale_bias(self, weight: "NodeProto", factor: float) -> None:
        """The bias's scale is input scale x weight scale; it follows the weight's."""
        for user in self.graph.node:
            if weight.output[0] not in user.input or len(user.input) < 3:
                continue
            bias = self.producer[user.input[2]]
            codes, scale = (self.constants[name] for name in bias.input[:2])
            bias.input[0] = self._add(f"{bias.output[0]}_codes", np.round(codes / factor).astype("int32"))
            bias.input[1] = self._add(f"{bias.output[0]}_scale", (scale * np.float64(factor)).astype("float32"))
            del bias.input[2]

    def _drop_input_recentring(self) -> None:
        """uint8 -> float -> uint8 at scale 1 is the image itself."""
        dequantize = next(node for node in self.graph.node if INPUT_NAME in node.input)
        quantize = next(node for node in self.graph.node if dequantize.output[0] in node.input)
        ends = [self.constants[name] for node in (dequantize, quantize) for name in node.input[1:3]]
        if quantize.op_type != "QuantizeLinear" or [float(end) for end in ends] != [1.0, 0.0, 1.0, 0.0]:
            raise ConversionError(
                "the int8 TFLite file does not take raw pixels at scale 1: convert it with uint8 input"
            )
        for node in self.graph.node:
            node.input[:] = [INPUT_NAME if name == quantize.output[0] else name for name in node.input]

    def _end_in_float_softmax(self) -> None:
        softmax = [node for node in self.graph.node if node.op_type == "Softmax"]
        if len(softmax) != 1:
            raise ConversionError(f"the int8 model has {len(softmax)} softmax operators, expected one at its end")
        output = self.graph.output[0]
        self.producer[output.name].output[0] = "quantized_probabilities"  # nothing uses it any more
        softmax[0].output[0] = OUTPUT_NAME
        output.name = OUTPUT_NAME
        output.type.tensor_type.elem_type = 1  # float32

    def _prune(self) -> None:
        """Keep only what the output needs, and only the constants that are used."""
        from onnx import numpy_helper

        needed, kept = {OUTPUT_NAME}, []
        for node in reversed(self.graph.node):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        del self.graph.node[:]
        self.graph.node.extend(reversed(kept))
        del self.graph.initializer[:]
        self.graph.initializer.extend(
            numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in needed
        )

    def _add(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name


def _free_batch(graph: "GraphProto") -> None:
    """Make the batch a free dimension: the ends, and every reshape that names a batch of 1."""
    from onnx import numpy_helper

    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]
    constants = {item.name: item for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape":
            target = numpy_helper.to_array(constants[node.input[1]]).copy()
            target[0] = -1
            constants[node.input[1]].CopyFrom(numpy_helper.from_array(target, node.input[1]))


def _rename(graph: "GraphProto", old: str, new: str) -> None:
    for end in (*graph.input, *graph.output):
        end.name = new if end.name == old else end.name
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


def _shorten_names(graph: "GraphProto") -> None:
    """Number the inner tensors: TFLite's names list every fused layer and weigh several kB."""
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


def _finish(model: "ModelProto") -> bytes:
    import onnx

    _free_batch(model.graph)
    _shorten_names(model.graph)
    model.doc_string = ""
    model.graph.name = "classifier"
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ConversionError(f"the converted ONNX graph is not valid: {error}") from error
    return model.SerializeToString()
