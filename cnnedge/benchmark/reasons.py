"""What the figures mean on this CPU, and what to expect on another one.

Each sentence has a kind: ``measured`` (it restates figures of this run), ``explanation`` (what the CPU's
flags say about a figure), ``prediction`` (nothing here measured it).
"""

from collections.abc import Sequence

from cnnedge.benchmark.layers import layer_sentences
from cnnedge.benchmark.timing import CONFIDENCE, Ratio, speed_ratio
from cnnedge.documents import Machine, Row, Samples, Sentence
from cnnedge.names import ExportName

# Instructions that multiply and add int8 values four or more at a time.
X86_INT8 = ("avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8")
ARM_INT8 = ("asimddp", "i8mm")

# XNNPACK's README (February 2022, all cores) for MobileNet v1/v2 on a Raspberry Pi 4, 64 bit: float32 77/46
# ms, int8 24/17 ms. The Pi 4 has no int8 dot product.
ON_A_PI = (
    "On a 64-bit Arm board, expect int8 to be faster than float: XNNPACK's own table (README, February 2022) "
    "gives MobileNet v1 and v2 on a Raspberry Pi 4 as 77 and 46 ms in float, 24 and 17 ms in int8. Networks "
    "as small as these gain less."
)
NO_FLAGS = "This system does not tell which instructions the CPU has: why int8 lost cannot be explained."
HAS_INT8 = (
    "This CPU has int8 instructions ({flags}), so they are not what int8 lacks here. What is left is work "
    "that float does not have: rescaling every activation back to int8, and kernels whose fixed cost shows "
    "in small layers."
)
AVX2_ONLY = (
    "This CPU has AVX2 but no VNNI: int8 kernels widen to 16 bits before they multiply, and do no more per "
    "cycle than float with fused multiply-add; rescaling every activation comes on top."
)
NO_INT8 = "This CPU has no int8 dot product: int8 kernels widen to 16 bits before they multiply."
SATURATION = (
    "An int8 ONNX file lost accuracy on this CPU, which has no VNNI. ONNX Runtime then adds pairs of uint8 x "
    "int8 products in 16 bits, which overflow for weights beyond -63..63; on Arm, or with VNNI, the same "
    "file does not. Export it with 7-bit weights, or compare with its TFLite sibling."
)


def explain(rows: Sequence[Row], machine: Machine) -> list[Sentence]:
    """Sentences about int8 beside float in the same format, for ``rows`` and ``machine`` of a benchmark
    document."""
    sentences: list[Sentence] = []
    compared = _int8_beside_float(rows)
    for row, ratio in compared:
        sentences.append(Sentence("measured", _restate(row, ratio)))
    sentences += [Sentence("measured", text) for row, _ in compared for text in layer_sentences(row)]
    if any(ratio.winner < 0 for _, ratio in compared):
        sentences.append(Sentence("explanation", why_int8_lost(machine)))
    if compared and not machine.arch.startswith(("aarch64", "arm")):
        sentences.append(Sentence("prediction", ON_A_PI))
    if _saturates(rows, machine):
        sentences.append(Sentence("explanation", SATURATION))
    return sentences


def why_int8_lost(machine: Machine) -> str:
    """Why int8 may be slower than float on this CPU, from its flags alone."""
    flags = set(machine.cpu_flags)
    if not flags:
        return NO_FLAGS
    fast = sorted(flags.intersection(X86_INT8 + ARM_INT8))
    if fast:
        return HAS_INT8.format(flags=", ".join(fast))
    return AVX2_ONLY if "avx2" in flags else NO_INT8


def _int8_beside_float(rows: Sequence[Row]) -> list[tuple[Row, Ratio]]:
    """Each timed int8 row with its speed relative to the float32 file of the same model and format."""
    floats = {_family(row): row.samples_ns for row in rows if row.precision == "float32" and row.samples_ns}
    return [
        (row, _speed(floats[_family(row)], row.samples_ns))
        for row in rows
        if row.precision == "int8" and row.samples_ns and _family(row) in floats
    ]


def _speed(reference: Samples, samples: Samples) -> Ratio:
    return speed_ratio(reference.call, samples.call, samples.process)


def _family(row: Row) -> tuple[str, str]:
    name = ExportName.parse(row.file)
    return row.format, name.model if name else row.file


def _restate(row: Row, ratio: Ratio) -> str:
    interval = "" if ratio.low is None else f" ({CONFIDENCE:.0%} interval {ratio.low:.2f} to {ratio.high:.2f})"
    word = {1: "faster", -1: "slower", 0: "no difference shown"}[ratio.winner]
    return f"{row.file}: {ratio.value:.2f} times as fast as float32 {row.format}{interval}: {word}."


def _saturates(rows: Sequence[Row], machine: Machine) -> bool:
    flags = set(machine.cpu_flags)
    at_risk = "avx2" in flags and not flags.intersection(X86_INT8)
    lost = [row for row in rows if row.format == "onnx" and row.precision == "int8"]
    return at_risk and any(row.verdict == "worse" for row in lost)
