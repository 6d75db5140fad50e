"""ONNX Runtime's own profiler: a JSON trace with an event for every operator of every call."""

import json
import math
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.errors import CnnedgeError
from cnnedge.files import read_regular
from cnnedge.formats.model_file import ModelFile
from cnnedge.runtime.ort import open_session
from cnnedge.runtime.profiling import OperatorEvent, OperatorProfiler

# ONNX Runtime stops at a million events, about 600 bytes each; 400 calls of 100 operators are 25 MB.
MAX_BYTES = 600_000_000
# What ONNX Runtime hangs onto the name of a node, or onto the tensor that it writes, when it fuses or moves it.
_ADDED = re.compile(r"^fused |(_nchwc|_token_\d+)?_kernel_time$")


class OrtProfiler(OperatorProfiler):
    """One ONNX file on the CPU provider, with the profiler on."""

    def __init__(self, file: ModelFile, *, num_threads: int) -> None:
        """Open a file that may run; see ``open_profiler``."""
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="cnnedge-profile-")
        prefix = str(Path(self._folder.name) / "trace")
        self._session, _ = open_session(file, num_threads, "cpu", profile=prefix)
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: np.ndarray) -> np.ndarray:
        start = time.perf_counter_ns()
        answer = self._session.run(None, {self._input: batch})[0]
        self.call_ns.append(time.perf_counter_ns() - start)
        return answer

    def calls(self) -> list[list[OperatorEvent]]:
        path = Path(self._session.end_profiling())
        try:
            return operators_of(json.loads(read_regular(path, MAX_BYTES)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CnnedgeError(f"ONNX Runtime's profile cannot be read ({error})") from None
        finally:
            self._folder.cleanup()


def operators_of(trace: list[dict[str, Any]]) -> list[list[OperatorEvent]]:
    """The operators of each call in a trace, in the order of the calls.

    Raises:
        CnnedgeError: an operator belongs to no call.
        KeyError, TypeError, AttributeError: it is no such trace.
    """
    runs = [event for event in trace if event["name"] == "model_run"]
    spans = [(run["ts"], run["ts"] + run["dur"]) for run in sorted(runs, key=lambda run: run["ts"])]
    nodes = [event for event in trace if event["cat"] == "Node" and event["name"].endswith("_kernel_time")]
    calls: list[list[OperatorEvent]] = [[] for _ in spans]
    number = 0
    for event in sorted(nodes, key=lambda event: event["ts"]):
        while number < len(spans) and event["ts"] > spans[number][1]:
            number += 1
        if number == len(spans) or event["ts"] < spans[number][0]:
            raise CnnedgeError(f"ONNX Runtime's profile has an operator outside of every call: {event['name']}")
        calls[number].append(_operator(event))
    return calls


def _operator(event: dict[str, Any]) -> OperatorEvent:
    facts = event["args"]
    shapes = [shape for tensor in facts.get("output_type_shape", ()) for shape in tensor.values()]
    return OperatorEvent(
        op=facts["op_name"],
        runs_on=facts["provider"].removesuffix("ExecutionProvider"),
        microseconds=event["dur"],
        name=_ADDED.sub("", event["name"]),
        values=sum(math.prod(shape) for shape in shapes) if shapes else None,
        activation_bytes=int(facts["activation_size"]) + int(facts["output_size"]),
    )
