"""A folded model as the folder that TensorFlow's converter reads, and their notes kept off the terminal.

The weights are constants of one graph, which is written once and read once. TensorFlow's own way (variables frozen, the
frozen function saved as a module, the folder loaded for statistics) holds up to twenty copies of them at once. With 28
million weights, 112 MB, it took 2.3 GB beside the model, and this takes 1.1 GB.
"""

import contextlib
import ctypes
import gc
import logging
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME
from cnnedge.nativelog import silenced

if TYPE_CHECKING:
    import keras

_TAG, _SIGNATURE = "serve", "serving_default"

# ``loc(fused["Erf:", "functional_1/erf_1/Erf"]): 'tf.Erf' op is neither a custom op nor a flex op``: the model, the
# layer, whose scope Keras numbers, and the operator.
_LACKING = re.compile(r'"[^"/]+/(?P<scope>[^"/]+)/[^"]*"[^\n]*: \'tf\.(?P<operator>\w+)\' op is neither a custom op')
_RESIZED = "let its interpolation be 'bilinear' or 'nearest' in the model, whose answers may change a little"
_INSTEAD = {
    **dict.fromkeys(["ResizeBicubic", "ResizeArea", "ScaleAndTranslate"], _RESIZED),
    "Erf": "where it is part of a GELU, write keras.activations.gelu, which there is an operator for; else put another "
    "layer in its place",
}


@dataclass(frozen=True)
class Saved:
    """A folder with a SavedModel, and which operators are in its graph."""

    folder: str
    operators: frozenset[str]

    def converter(self) -> Any:
        """A TFLite converter of it, with the settings of ``tf.lite.TFLiteConverter``."""
        import tensorflow as tf
        from tensorflow.lite.python.lite import TFLiteSavedModelConverterV2

        # Asked for fake quantization alone, so that the weights need not be in it.
        graph = tf.compat.v1.GraphDef(node=[tf.compat.v1.NodeDef(op=op) for op in sorted(self.operators)])

        class Converter(TFLiteSavedModelConverterV2):
            def convert(self) -> bytes:
                return self._convert_from_saved_model(graph)

            def _quantize(self, *arguments: Any, **options: Any) -> bytes:
                let_go()  # what the conversion to floats took
                return super()._quantize(*arguments, **options)

        let_go()
        return Converter(self.folder, {_TAG}, [_SIGNATURE])


@contextlib.contextmanager
def saved_model(model: "keras.Model", rewrite: Iterable[Callable[[Any], None]] = ()) -> Iterator[Saved]:
    """A SavedModel with a batch of 1 and, in its signature, the two names that every exported file has.

    Args:
        rewrite: what is done to its graph before it is written, see ``graph_forms``.
    """
    with tempfile.TemporaryDirectory(prefix="cnnedge-") as folder, quiet():
        let_go()
        operators = _write(model, Path(folder) / "saved_model.pb", rewrite)
        del model  # a twin that was made for this file alone need not stay
        yield Saved(folder, operators)
    let_go()


def let_go() -> None:
    """Free what nothing uses: models and graphs refer to themselves, each with all weights in it, and Linux's allocator
    keeps what was freed between other blocks."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _write(model: "keras.Model", path: Path, rewrite: Iterable[Callable[[Any], None]]) -> frozenset[str]:
    """Which operators the graph in the file has."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    graph = _graph_of_constants()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, (1, *model.inputs[0].shape[1:]), name=INPUT_NAME)
        output = tf.identity(_called(model, image), name=OUTPUT_NAME)
        for change in rewrite:
            change(graph)
        ends = [tf.compat.v1.saved_model.build_tensor_info(end) for end in (image, output)]
    written = SavedModel(saved_model_schema_version=1)
    meta = written.meta_graphs.add()
    meta.meta_info_def.tags.append(_TAG)
    meta.signature_def[_SIGNATURE].inputs[INPUT_NAME].CopyFrom(ends[0])
    meta.signature_def[_SIGNATURE].outputs[OUTPUT_NAME].CopyFrom(ends[1])
    meta.graph_def.CopyFrom(graph.as_graph_def())
    path.write_bytes(written.SerializeToString())
    return frozenset(node.op for node in meta.graph_def.node)


def _graph_of_constants() -> Any:
    """A graph that takes in arrays which a layer keeps beside its weights, as constants too."""
    import tensorflow as tf
    from tensorflow.python.framework.func_graph import FuncGraph

    class Graph(FuncGraph):
        def capture(self, tensor: Any, name: str | None = None, shape: Any = None) -> Any:
            if hasattr(tensor, "numpy"):
                return tf.constant(tensor.numpy(), name=name)
            return super().capture(tensor, name, shape)

    return Graph("network")


def _called(model: "keras.Model", image: Any) -> Any:
    """What ``model`` gives for a tensor of the graph that is built, with its weights as constants."""
    import keras
    import tensorflow as tf

    constants = []
    for variable in model.variables:
        with tf.init_scope():  # outside of the graph, where a variable has a value
            value = np.asarray(variable)
        constants.append((variable, tf.constant(value, name=variable.path)))
    with keras.StatelessScope(constants), _operations_named(model):
        return model(image, training=False)


@contextlib.contextmanager
def _operations_named(model: "keras.Model") -> Iterator[None]:
    """Let what an operation without a layer (``a / b``) calculates have its name, as what a layer calculates has.

    Keras opens a scope for layers alone: twice for each, so that ``elu`` stands there as ``elu_1``.
    """
    import keras

    operations = [one for one in model.operations if not isinstance(one, keras.Layer)]
    for operation in operations:
        operation.call = _scoped(operation.call, f"{operation.name}_1")
    try:
        yield
    finally:
        for operation in operations:
            del operation.call


def _scoped(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def scoped(*args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        with tf.name_scope(name):
            return call(*args, **kwargs)

    return scoped


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the converters' notes off the terminal: Python's logging and what C++ writes to standard error."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with silenced(), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def reason_of(error: Exception, names: Mapping[str, str] | None = None) -> str:
    """What a converter says in one line: the layer whose operator TFLite lacks, else its first line or its kind.

    Args:
        names: of layers, by those that they have in the graph; their own, if None.
    """
    lacking = _LACKING.search(str(error))
    if lacking is None:
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__
    operator, scope = lacking["operator"], re.sub(r"_\d+$", "", lacking["scope"])
    way = _INSTEAD.get(operator, "put another layer in its place")
    return f"TFLite has no operator for {operator}, which {(names or {}).get(scope, scope)} calculates: {way}"
