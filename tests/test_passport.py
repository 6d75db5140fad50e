import dataclasses
import json

import pytest

from cnnedge.errors import ModelError
from cnnedge.passport import MAX_BYTES, Passport

PASSPORT = Passport(
    model="mnist", format="tflite", precision="int8", qat=True, labels=("0", "1"), input_shape=(28, 28, 1),
    input_dtype="uint8", output_dtype="uint8", top1=0.991, test_images=10_000, made={"seed": 0},
)  # fmt: skip


def test_what_was_written_is_read():
    assert Passport.from_json(PASSPORT.to_json()) == PASSPORT


def test_contract_names_colour_layout_and_values():
    grey, colour = PASSPORT.input_contract, dataclasses.replace(PASSPORT, input_shape=(32, 32, 3)).input_contract
    assert (grey["colour"], colour["colour"]) == ("grey", "RGB")
    assert grey["layout"] == "NHWC" and grey["dtype"] == "uint8" and "0..255" in grey["values"]


def changed(**fields) -> str:
    return json.dumps(json.loads(PASSPORT.to_json()) | fields)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "not valid JSON"),
        ("[]", "not of schema"),
        ("[" * 100_000, "not valid JSON"),
        (changed(schema=99), "not of schema"),
        (changed(labels="01"), "labels is str, expected a list"),
        (changed(input_shape=[28, 28, 2]), r"input_shape is \(28, 28, 2\)"),
        (changed(input_shape=[28, 28]), "malformed"),
        (changed(model=7), "model is int, expected text"),
        (changed(top1="good"), "malformed"),
        (changed(top1=10**400), "malformed"),
        (changed(top1=float("nan")), "not valid JSON"),
        (PASSPORT.to_json().replace("10000", "1e999"), "not valid JSON"),
        (changed(labels=["\ud800", "1"]), "not valid JSON"),
        ("{" + " " * MAX_BYTES + "}", "expected at most"),
    ],
)
def test_nothing_in_a_passport_is_trusted(text, complaint):
    with pytest.raises(ModelError, match=complaint):
        Passport.from_json(text)


def test_missing_field_is_named():
    fields = json.loads(PASSPORT.to_json())
    del fields["licence"]
    with pytest.raises(ModelError, match="licence"):
        Passport.from_json(json.dumps(fields))
