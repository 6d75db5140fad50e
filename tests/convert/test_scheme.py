import pytest

from cnnedge.convert.scheme import ExportPlan, Scheme, plan_of
from cnnedge.errors import UsageError

NUMBERS = {"images": 500, "epochs": 4, "learning_rate": 0.001}


def test_a_scheme_has_its_file_its_words_and_its_needs():
    qat = Scheme("tflite", "int8", "qat")
    assert qat.file("net") == "net_int8_qat.tflite"
    assert qat.words(**NUMBERS).startswith("quantization-aware training, 4 epochs at 0.001, 7-bit weights")
    assert qat.needs_calibration and qat.needs_training
    float32 = Scheme("onnx", "float32")
    assert (float32.file("net"), float32.words(**NUMBERS)) == ("net_float32.onnx", "conversion")
    assert not float32.needs_calibration and not float32.needs_training
    mixed = Scheme("tflite", "int8_mixed", float_layers=("head", "stem"))
    assert mixed.file("net") == "net_int8_mixed.tflite"
    assert mixed.words(**NUMBERS) == "post-training quantization, 500 calibration images, in float32: head, stem"


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"format": "tflite", "precision": "int8", "method": "magic"}, "unknown method 'magic'"),
        ({"format": "tflite", "precision": "int8", "io": "int4"}, "unknown --io 'int4'"),
        ({"format": "onnx", "precision": "float16"}, "onnx is not exported as float16"),
        ({"format": "onnx", "precision": "float32", "method": "qat"}, "makes int8 files, not float32"),
        ({"format": "onnx", "precision": "int8", "weight_bits": 6}, "6-bit weights .* expected 7, or 8"),
        ({"format": "tflite", "precision": "int8", "weight_bits": 8}, "8-bit weights in tflite int8 by ptq"),
        ({"format": "tflite", "precision": "int8_mixed"}, "int8_mixed with 0 layers in float"),
        ({"format": "tflite", "precision": "int8", "float_layers": ("a",)}, "int8 with 1 layers in float"),
    ],
)
def test_choices_that_do_not_go_together(arguments, complaint):
    with pytest.raises(UsageError, match=complaint):
        Scheme(**arguments)


def test_a_plan_is_in_the_order_of_the_tables():
    plan = plan_of(("onnx", "tflite"), ("int8", "float32"), qat=True)
    assert plan.files("m") == [
        "m_float32.onnx", "m_int8.onnx", "m_int8_qat.onnx", "m_float32.tflite", "m_int8.tflite", "m_int8_qat.tflite",
    ]  # fmt: skip
    assert plan.needs_calibration and plan.needs_training
    assert len(plan_of().schemes) == 7
    ends = plan_of(("tflite", "onnx"), ("int8", "float16"), io="int8").schemes
    assert [(scheme.precision, scheme.io) for scheme in ends] == [
        ("float16", "uint8"), ("int8", "int8"), ("int8", "uint8"),
    ]  # fmt: skip


def test_eight_bits_are_for_the_post_training_onnx_file_and_say_where_they_are_right():
    schemes = plan_of(precisions=("int8",), qat=True, weight_bits=8).schemes
    assert [scheme.weight_bits for scheme in schemes] == [7, 7, 8, 7]
    words = [scheme.words(images=9, epochs=1, learning_rate=0.1) for scheme in schemes]
    assert ["VNNI" in text for text in words] == [False, False, True, False]


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: plan_of(precisions=("int4",)), "unknown precision 'int4'"),
        (lambda: plan_of(("onnx",), ("float16",)), "nothing to export: onnx has none of float16"),
        (lambda: plan_of(precisions=("float32",), qat=True), "--qat makes int8 files"),
        (lambda: plan_of(precisions=("float32",), io="int8"), "--io int8 is for int8 TFLite files"),
        (lambda: plan_of(("tflite",), weight_bits=8), "--onnx-weights is for int8 ONNX files"),
        (lambda: ExportPlan(()), "nothing to export"),
        (lambda: ExportPlan((Scheme("onnx", "int8"),) * 2), "two schemes write the same file"),
    ],
)
def test_a_plan_that_cannot_be(make, complaint):
    with pytest.raises(UsageError, match=complaint):
        make()


def test_what_a_calibrated_file_is_made_of():
    assert Scheme("tflite", "int8", io="int8").integers == (127, "int8")
    assert Scheme("tflite", "int16x8").integers == (127, "int16x8")
    assert Scheme("onnx", "int8").integers == (63, "int8")
    assert Scheme("onnx", "int8", weight_bits=8).integers == (127, "int8")
