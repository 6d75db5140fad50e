"""Time per layer: on real runtimes, and what is made of a profile whose times are written down."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnedge.benchmark import layers
from cnnedge.benchmark.candidate import candidates_for
from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from cnnedge.data import ArraySplit
from cnnedge.documents import Data, Layer, Profile
from cnnedge.errors import CnnedgeError
from cnnedge.formats.facts import OperatorFacts
from cnnedge.formats.model_file import open_model_file
from cnnedge.report import layer_table, pages
from cnnedge.runtime.opening import open_profiler
from cnnedge.runtime.profiling import OperatorEvent
from tests.support import documents
from tests.support.lookup_runners import facts

EXPORTED = Path(__file__).parents[2] / "exported"
DIGITS = ("mnist_float32.tflite", "mnist_int8.tflite", "mnist_float32.onnx", "mnist_int8.onnx")


def measured(paths, split, classes):
    data = Data("pictures", "test", len(split), split.sha256, len(split), classes, "", False)
    return benchmark(candidates_for(paths), split, data, Plan(num_runs=4, warmup_runs=1, layers=True))


@pytest.fixture(scope="module")
def digits():
    """Four files of one network, on noise: their answers do not matter here."""
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    split = ArraySplit(images, np.arange(8))
    return measured([EXPORTED / "mnist" / name for name in DIGITS], split, [str(digit) for digit in range(10)])


def test_every_operator_of_real_files_is_timed_and_they_add_up(digits):
    assert not digits.failed
    for row in digits.rows:
        convolutions = [one for one in row.layers if one.macs and "onv" in one.kernel]
        # The network of the model card: six convolutions and a dense layer.
        assert [one.macs for one in convolutions] == [112896, 1806336, 677376, 1354752, 451584, 451584]
        assert [one.macs for one in row.layers if one.macs][-1] == 288 * 10
        assert sum(one.share for one in row.layers) == pytest.approx(1, abs=0.01)
        assert row.profile.sum_ms == pytest.approx(sum(one.ms for one in row.layers), rel=1e-3)
        assert row.profile.agrees and row.profile.sum_ms > 0
        assert all(one.gmacs_per_s > 0 and one.bytes > 0 for one in convolutions)
    plain, quantized = digits.rows[0].layers, digits.rows[1].layers
    assert {one.runs_on for one in plain} == {"XNNPACK"}
    assert [one.op for one in quantized if one.runs_on == "LiteRT"] == ["QUANTIZE", "SOFTMAX", "QUANTIZE"]
    # Weights and maps of one byte instead of four; the biases have four in both.
    assert quantized[2].bytes == pytest.approx(plain[1].bytes / 4, rel=0.01)


def test_the_float_files_same_layer_stands_beside_it_and_in_the_report(digits):
    for reference, row in ((digits.rows[0], digits.rows[1]), (digits.rows[2], digits.rows[3])):
        theirs = [one.ms for one in reference.layers if one.macs]
        assert [one.float_ms for one in row.layers if one.macs] == theirs
        assert all(one.float_ms is None for one in reference.layers)
    page = pages.render(digits)
    assert "Where the time goes" in page and "Convolution (NHWC, QC8) IGEMM" in page and "--layers" in page
    assert [one.label for one in layer_table.layer_tables(digits)] == list(DIGITS)


def test_a_planted_slow_layer_is_named(tmp_path):
    """A convolution with 49 times the weights of its neighbours: it must lead the list, and be called by its name."""
    path = tmp_path / "planted.onnx"
    path.write_bytes(_three_convolutions())
    split = ArraySplit(np.zeros((4, 32, 32, 3), np.uint8), np.zeros(4, int))
    (row,) = measured([path], split, ["a", "b", "c", "d"]).rows
    slowest = max(row.layers, key=lambda one: one.ms)
    assert slowest.macs == 32 * 32 * 16 * 16 * 49 and slowest.share > 0.5
    assert f"most of the time goes to {slowest.short_name} ({slowest.kernel})" in layers.layer_sentences(row)[0]


def _three_convolutions() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    def weights(name, *shape):
        return numpy_helper.from_array(np.full(shape, 0.01, np.float32), name)

    constants = [weights("a", 16, 3, 1, 1), weights("b", 16, 16, 7, 7), weights("c", 4, 16, 1, 1)]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "a"], ["first"], name="first"),
        helper.make_node("Conv", ["first", "b"], ["planted"], name="planted", pads=[3, 3, 3, 3]),
        helper.make_node("Conv", ["planted", "c"], ["last"], name="last"),
        helper.make_node("GlobalAveragePool", ["last"], ["means"]),
        helper.make_node("Flatten", ["means"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes, "planted", [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 32, 32, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 4])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


OPERATORS = [
    OperatorFacts("CONV_2D", "net/a/Relu", "float", macs=1000, values=8, activation_bytes=64, weight_bytes=36),
    OperatorFacts("MAX_POOL_2D", "net/pool/MaxPool", "float", values=4, activation_bytes=48),
    OperatorFacts("FULLY_CONNECTED", "net/b/BiasAdd", "float", macs=40, values=10, activation_bytes=56),
    OperatorFacts("SOFTMAX", "probabilities", "float", values=10),
]
KERNELS = ["Convolution (NHWC, F32) IGEMM", "Max Pooling (NHWC, F32)", "Fully Connected (NC, F32) GEMM"]


def call(*microseconds):
    """XNNPACK runs three operators, LiteRT the last."""
    events = [OperatorEvent(op, "XNNPACK", us) for op, us in zip(KERNELS, microseconds, strict=False)]
    return [*events, OperatorEvent("SOFTMAX", "LiteRT", microseconds[3], number=3)]


def summarized(*, plain_us=100, profiled_us=115, slow=50):
    blocks = [[call(20, 10, slow, 15)] * 9 + [call(900, 900, 900, 900)] for _ in range(9)]
    plain = [[1000 * plain_us] * 10 for _ in blocks]
    return layers.summarize(blocks, plain, [1000 * profiled_us] * 90, OPERATORS)


def test_layers_of_written_times():
    found = summarized()
    assert [one.ms for one in found.layers] == [0.02, 0.01, 0.05, 0.015]  # the interrupted calls stay out
    assert [one.short_name for one in found.layers] == ["a", "pool", "b", "probabilities"]
    assert [one.macs for one in found.layers] == [1000, None, 40, None]
    assert found.layers[0].bytes == 100 and found.layers[0].gmacs_per_s == pytest.approx(0.05)
    checked = found.profile
    assert (checked.sum_ms, checked.call_ms, checked.profiled_ms) == (0.095, 0.1, 0.115)
    # No noise here: a profiled call is 0.02 ms above the operators, and four operators are known to 0.001 ms each.
    assert checked.noise_ms == 0 and checked.bound_ms == pytest.approx(0.024) and checked.agrees


def test_operators_that_do_not_add_up_are_said():
    wrong = summarized(plain_us=300, profiled_us=115)
    assert not wrong.profile.agrees
    row = replace(documents.document().rows[2], layers=wrong.layers, profile=wrong.profile)
    assert layers.profile_notes([row])[0].startswith("The operators of net_float32.tflite do not add up: 0.095 ms")
    heavy = summarized(plain_us=60, profiled_us=115)
    row = replace(row, layers=heavy.layers, profile=heavy.profile)
    assert "Profiling slows net_float32.tflite from 0.06 to 0.115 ms" in layers.profile_notes([row])[0]


def test_calls_that_differ_are_refused():
    with pytest.raises(CnnedgeError, match="do not run the same operators"):
        layers.summarize([[call(1, 1, 1, 1), call(1, 1, 1, 1)[:3]]], [[1]], [1], OPERATORS)


def test_a_layer_without_its_event_leaves_all_without_macs():
    missing = layers.match_operators(call(1, 1, 1, 1)[1:], OPERATORS)
    assert missing == [None, None, OPERATORS[3]]
    other_size = [OperatorEvent("CONV_2D", "x", 1, values=7), *call(1, 1, 1, 1)[1:]]
    assert layers.match_operators(other_size, OPERATORS)[:3] == [None, None, None]
    extra = [OperatorEvent("Convert (NC, F32, QD8)", "XNNPACK", 1), *call(1, 1, 1, 1)]
    assert layers.match_operators(extra, OPERATORS) == [None, *OPERATORS]


def test_a_layer_slower_than_in_the_float_file_is_named():
    reference, quantized = documents.document().rows[2:4]
    checked = Profile(10, 0.095, 0.1, 0.115, 0.0, 4)

    def profiled(row, *ms):
        found = [Layer(name, "CONV_2D", "k", "XNNPACK", one, 0.5, 100, 8) for name, one in zip("ab", ms, strict=True)]
        return replace(row, profile=checked, layers=found)

    plain, slower = layers.with_float_layers([profiled(reference, 0.2, 0.3), profiled(quantized, 0.1, 0.9)])
    assert [one.float_ms for one in slower.layers] == [0.2, 0.3]
    assert layers.layer_sentences(slower)[1] == (
        "net_int8.tflite: slower than the float32 file's same layer: b (0.9 ms for 0.3)."
    )
    assert len(layers.layer_sentences(plain)) == 1


def test_a_profiler_that_fails_costs_nothing_but_its_figures(split, lookup, tmp_path):
    """The lookup runner has a file that no runtime can open."""
    document = benchmark(
        [lookup("x.tflite", source=str(tmp_path / "none.tflite"))], split, facts(split), Plan(num_runs=4, layers=True)
    )  # fmt: skip
    (row,) = document.rows
    assert row.error is None and row.latency_ms.runs == 4 and row.layers is None
    assert any(note.startswith("No time per layer of x.tflite: ") and "none.tflite" in note for note in document.notes)


def test_parallel_branches_of_one_size_keep_their_names(tmp_path):
    """ONNX Runtime runs one branch after the other, and the file lists them side by side."""
    path = tmp_path / "branches.onnx"
    path.write_bytes(_two_branches())
    file = open_model_file(path)
    profiler = open_profiler(file, num_threads=1)
    profiler.run(np.zeros((1, 16, 16, 3), np.uint8))
    (events,) = profiler.calls()
    found = layers.match_operators(events, file.facts.operators)
    convolutions = [(event.name, one.where) for event, one in zip(events, found, strict=True) if event.op == "Conv"]
    assert sorted(convolutions) == [(name, f"{name} before relu") for name in ("a1", "a2", "b1", "b2")]
    assert [name for name, _ in convolutions] != [
        "a1",
        "b1",
        "a2",
        "b2",
    ]  # as the file lists them


def _two_branches() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
    ]
    for name, source in (("a1", "planes"), ("b1", "planes"), ("a2", "a1"), ("b2", "b1")):
        nodes.append(helper.make_node("Conv", [source, f"of {name}"], [f"{name} before relu"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"{name} before relu"], [name]))
    nodes += [
        helper.make_node("Concat", ["a2", "b2"], ["both"], axis=1),
        helper.make_node("GlobalAveragePool", ["both"], ["means"]),
        helper.make_node("Flatten", ["means"], ["probabilities"]),
    ]
    sizes = {"of a1": 3, "of b1": 3, "of a2": 16, "of b2": 16}
    constants = [numpy_helper.from_array(np.ones((16, size, 3, 3), np.float32), name) for name, size in sizes.items()]
    graph = helper.make_graph(
        nodes, "branches", [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 16, 16, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 32])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()
