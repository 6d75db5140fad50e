"""Which part of a TFLite file's graph its delegate, XNNPACK mostly, has taken over."""

from typing import Any


def delegated_nodes(interpreter: Any) -> tuple[int, int] | None:
    """How many nodes of the file the delegates of an opened interpreter run, and how many there are.

    LiteRT puts one node behind the others for each part that a delegate took; the nodes of that part stay listed, and
    are those between its outputs and its inputs. None where this LiteRT lists no nodes: the method is private.
    """
    listing = getattr(interpreter, "_get_ops_details", None)
    if listing is None:
        return None
    listed = listing()
    nodes = [node for node in listed if node["op_name"] != "DELEGATE"]
    maker = {int(tensor): number for number, node in enumerate(nodes) for tensor in node["outputs"]}
    taken: set[int] = set()
    for part in listed:
        if part["op_name"] == "DELEGATE":
            taken |= _between(part, nodes, maker)
    return len(taken), len(nodes)


def _between(part: dict[str, Any], nodes: list[dict[str, Any]], maker: dict[int, int]) -> set[int]:
    """The numbers of the nodes from which the outputs of ``part`` come, back to its inputs."""
    inputs, found = {int(tensor) for tensor in part["inputs"]}, set[int]()
    waiting = [int(tensor) for tensor in part["outputs"]]
    while waiting:
        tensor = waiting.pop()
        number = maker.get(tensor)
        if tensor not in inputs and number is not None and number not in found:
            found.add(number)
            waiting += [int(one) for one in nodes[number]["inputs"]]
    return found
