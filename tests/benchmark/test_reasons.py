from dataclasses import replace

import pytest

from cnnedge.benchmark.reasons import SATURATION, explain
from tests.support import documents


def sentences(*, flags, int8_ms, arch="x86_64", onnx_wrong=100):
    rows = documents.document(
        documents.measurement("net.keras", 2, 100, mode="function"),
        documents.measurement("net_float32.tflite", 1.0, 100),
        documents.measurement("net_int8.tflite", int8_ms, 100),
        documents.measurement("net_int8.onnx", 1.0, onnx_wrong),
    ).rows
    return explain(rows, replace(documents.MACHINE, cpu_flags=flags, arch=arch))


def of_kind(found, kind):
    return [sentence.text for sentence in found if sentence.kind == kind]


@pytest.mark.parametrize(
    ("flags", "because"),
    [
        (["avx2", "fma"], "AVX2 but no VNNI"),
        (["avx2", "avx512_vnni"], "has int8 instructions (avx512_vnni)"),
        (["asimd"], "no int8 dot product"),
        (["asimd", "asimddp"], "has int8 instructions (asimddp)"),
        ([], "does not tell which instructions"),
    ],
)
def test_why_int8_lost_follows_from_the_flags(flags, because):
    found = sentences(flags=flags, int8_ms=1.3)
    (explanation,) = of_kind(found, "explanation")
    assert because in explanation
    (measured,) = of_kind(found, "measured")
    assert measured.startswith("net_int8.tflite: 0.77 times as fast as float32 tflite") and "slower" in measured


def test_where_int8_won_nothing_is_explained_away():
    found = sentences(flags=["avx2", "avx512_vnni"], int8_ms=0.4)
    assert of_kind(found, "explanation") == [] and "faster" in of_kind(found, "measured")[0]


def test_expectations_for_another_machine_are_predictions():
    assert "Raspberry Pi 4" in of_kind(sentences(flags=["avx2"], int8_ms=1), "prediction")[0]
    assert of_kind(sentences(flags=["asimd"], int8_ms=1, arch="aarch64"), "prediction") == []


def test_lost_accuracy_of_int8_onnx_is_explained_only_where_it_can_saturate():
    at_risk = sentences(flags=["avx2"], int8_ms=0.4, onnx_wrong=400)
    assert of_kind(at_risk, "explanation") == [SATURATION]
    assert of_kind(sentences(flags=["avx2", "avx512_vnni"], int8_ms=0.4, onnx_wrong=400), "explanation") == []
    assert of_kind(sentences(flags=["avx2"], int8_ms=0.4, onnx_wrong=100), "explanation") == []
