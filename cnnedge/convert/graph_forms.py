"""What TensorFlow's converter quantizes wrongly, in other operators of TensorFlow: before the converter reads them."""

from typing import Any

# Operators whose inputs get the range of the output, by the place of the first of them.
_OF_ONE_RANGE = {"Minimum": 0, "Maximum": 0, "Select": 1, "SelectV2": 1}

# Neighbours are told apart; more would let small numbers vanish.
_PARTS = 4


def sums_as_means(graph: Any) -> None:
    """Let every sum over axes be the mean times their sizes, for files of 16 bits.

    There the converter gives a sum the scale of what is summed: all that is above the range of a single value was cut
    off. A mean fits, and what is multiplied has a range of its own.
    """
    import tensorflow as tf

    for node in [node for node in graph.get_operations() if node.type == "Sum"]:
        summed, axes = node.inputs
        with tf.name_scope(f"{node.name}/"):
            mean = tf.reduce_mean(summed, tf.get_static_value(axes), node.get_attr("keep_dims"))
            count = summed.shape.num_elements() / mean.shape.num_elements()
            _read_instead(node.outputs[0], mean * tf.constant(count, summed.dtype))


def limits_apart(graph: Any) -> None:
    """Let what is limited or chosen be made smaller before and larger behind, where something else reads it too.

    The converter gives all sides of a minimum, a maximum or a choice the range of what comes out, and what it cuts off
    is missing elsewhere: of ``maximum(x, x / 2)`` nothing below half of x's range was left to be halved. A part of x is
    a tensor of its own; where two are limited each has another, since the converter makes one of what is the same.
    """
    import tensorflow as tf

    number = 0
    for node in [node for node in graph.get_operations() if node.type in _OF_ONE_RANGE]:
        first = _OF_ONE_RANGE[node.type]
        sides = list(node.inputs)[first:]
        if node.outputs[0].dtype != tf.float32 or not any(_is_shared(side) for side in sides):
            continue
        part = 2.0 ** -(1 + number % _PARTS)  # rounds nothing
        number += 1
        with tf.name_scope(f"{node.name}/"):
            for place, side in enumerate(sides, start=first):
                node._update_input(place, part * side)
            users = node.outputs[0].consumers()
            _read_instead(node.outputs[0], node.outputs[0] / part, users)


def _is_shared(tensor: Any) -> bool:
    return tensor.op.type != "Const" and len({user.name for user in tensor.consumers()}) > 1


def _read_instead(old: Any, new: Any, users: Any = None) -> None:
    """Let what reads ``old`` (``users`` alone, where they are given) read ``new``."""
    for user in old.consumers() if users is None else users:
        for place, taken in enumerate(user.inputs):
            if taken is old:
                user._update_input(place, new)
