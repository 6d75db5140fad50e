"""What an integer file calculates in float, in the words of the network that it was made of."""

import re
from collections import Counter
from collections.abc import Mapping

from cnnedge.formats.facts import OperatorFacts
from cnnedge.formats.model_file import open_model_file


def float_parts(content: bytes, format: str, scopes: Mapping[str, str]) -> tuple[str, ...]:
    """What a file calculates in float before its last layer: ``elu (ELU)``, a layer and its operators.

    Operators whose layer the file does not tell stand together as ``2 Mul, Erf``.

    Args:
        scopes: the network's layers by what stands in the names of their tensors.
    """
    operators = open_model_file(content, format).facts.float_before_last_layer()
    parts: dict[str, Counter[str]] = {}
    for operator in operators:
        parts.setdefault(_layer_of(operator, scopes), Counter())[operator.op] += 1
    return tuple(f"{layer} ({_listed(kinds)})" if layer else _listed(kinds) for layer, kinds in parts.items())


def _layer_of(operator: OperatorFacts, scopes: Mapping[str, str]) -> str:
    """The layer in whose scope TensorFlow named the tensor, or the node; "" if none.

    The scope of ``elu`` is ``elu_1``, and that of a layer ``elu_1`` is ``elu_1_1``. A convolution that was joined with
    the activation behind it has the names of both, its own last: ``relu6_1/Relu6;conv_1/convolution``.
    """
    told = (operator.where, *operator.names)
    own = slice(None, None, -1) if operator.is_compute else slice(1)
    for scope in (scope for text in told for part in text.split(";")[own] for scope in part.split("/")):
        for name in (re.sub(r"_\d+$", "", scope), scope):
            if name in scopes:
                return scopes[name]
    return ""


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
