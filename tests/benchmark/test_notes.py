"""The notes say what a reader must know, and nothing when there is nothing."""

from dataclasses import replace

from tests.support.documents import document, measurement

KERAS = measurement("net.keras", 2, 100, mode="function")


def test_training_that_ended_below_post_training_is_named():
    notes = document(KERAS, measurement("net_int8.onnx", 1, 101), measurement("net_int8_qat.onnx", 1, 131)).notes
    # 30 of 3,000 images
    assert "Quantization-aware training gained nothing: net_int8_qat.onnx is 1.00 points below net_int8.onnx." in notes


def test_training_that_gained_is_not():
    assert not document(KERAS, measurement("net_int8.onnx", 1, 101), measurement("net_int8_qat.onnx", 1, 101)).notes


def test_formats_are_compared_with_their_own():
    assert not document(KERAS, measurement("net_int8.tflite", 1, 90), measurement("net_int8_qat.onnx", 1, 101)).notes


def test_a_failed_row_compares_with_nothing():
    failed = measurement("net_int8.onnx", 1, 0, failure="its process was killed by SIGSEGV")
    assert not document(KERAS, failed, measurement("net_int8_qat.onnx", 1, 101)).notes


def test_what_integer_files_leave_in_float_is_named():
    mixed = measurement("net_int8_mixed.tflite", 1, 100)
    parts = [f"elu_{number} (ELU)" for number in range(10)]
    mixed.candidate = replace(mixed.candidate, float_operators=tuple(parts))
    found = document(KERAS, mixed)
    assert found.rows[1].float_operators == parts
    assert found.notes == [f"net_int8_mixed.tflite calculates in float: {', '.join(parts[:8])} and 2 more."]
