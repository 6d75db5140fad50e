"""What XNNPACK takes of shipped files, beside what LiteRT's own listing shows of a graph without delegates."""

from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from cnnedge.runtime.delegation import delegated_nodes
from cnnedge.runtime.opening import open_runner

MNIST = Path(__file__).parents[2] / "exported" / "mnist"


@pytest.mark.parametrize(
    ("precision", "left"),
    [
        pytest.param("float32", 0, id="float: all"),
        pytest.param("int8", 3, id="int8: all but the quantizing ends and the softmax"),
        pytest.param("int16x8", None, id="int16x8: XNNPACK has no kernels for it"),
    ],
)
def test_nodes_that_xnnpack_takes(precision, left):
    path = MNIST / f"mnist_{precision}.tflite"
    plain = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )  # fmt: skip
    plain.allocate_tensors()
    total = len(plain._get_ops_details())
    assert delegated_nodes(plain) == (0, total)
    with open_runner(path) as runner:
        assert runner.nodes == ((total - left) if left is not None else 0, total)


def test_two_parts_are_added_and_a_shared_input_is_no_part():
    """Nodes 0 and 1 feed 2; the delegate took 1 and 2 as one part and 4 as another; 3 stays."""
    nodes = [((0,), (1,)), ((1,), (2,)), ((2, 1), (3,)), ((3,), (4,)), ((4,), (5,))]
    listed = [{"op_name": "ADD", "inputs": inputs, "outputs": outputs} for inputs, outputs in nodes]
    listed += [{"op_name": "DELEGATE", "inputs": (1,), "outputs": (3,)}]
    listed += [{"op_name": "DELEGATE", "inputs": (4,), "outputs": (5,)}]

    class Listing:
        def _get_ops_details(self):
            return listed

    assert delegated_nodes(Listing()) == (3, 5)
    assert delegated_nodes(object()) is None
