"""What a report leads with, on documents whose figures are written down."""

from dataclasses import replace

import pytest

from cnnedge.documents import Learned
from cnnedge.report.decision import decide, over_fitting, with_one_keras
from tests.support import documents

KERAS = documents.measurement("net_float.keras", 2, 100, mode="function")


def test_the_smallest_file_that_is_as_right_is_taken_and_its_cost_is_said():
    found = decide(documents.document())
    assert found.headline == "Take net_int8.tflite" and found.row.file == "net_int8.tflite"
    # 101 of 3,000 wrong: 96.63 %; Wilson 95.93 to 97.22. Keras has one more right.
    assert found.why[0] == (
        "120 kB, right on 96.6 % of 3,000 test pictures (95.9 to 97.2 % on others like them), 1.3 ms a picture on "
        "this machine."
    )
    assert found.why[1] == (
        "3.3 times smaller than the float Keras model; of what the float model has right it loses 1, and it gains 0."
    )
    assert len(found.why) == 2


def test_too_few_pictures_are_said_with_how_many_would_do():
    """30 lost and 20 gained: 0.33 points, 0.8 at worst. z sqrt(50 N / 3000 + 2) / (N + 2) is the rest of the half point
    at N = 23,166."""
    unclear = documents.measurement("net_int8.tflite", 1, 0)
    wrong = documents.measurement("other", 1, documents.IMAGES).probabilities
    unclear.probabilities[20:130] = wrong[20:130]
    found = decide(documents.document(KERAS, unclear))
    assert found.headline == "Take net_int8.tflite"
    assert found.why[-1] == "Too few test pictures to tell 0.5 points: 3,000; about 24,000 would."


def test_files_that_all_lose_are_not_taken():
    found = decide(documents.document(KERAS, documents.measurement("net_int8.tflite", 1, 400)))
    assert found.headline == "No file was shown to be as right as the float Keras model" and found.row is None


@pytest.mark.parametrize(
    ("right", "expected"), [(940, None), (1_000, "100 % of the pictures that it was trained on, and")]
)
def test_over_fitting_is_said_plainly(right, expected):
    """Of others the float model has 2,580 of 3,000: 86 %."""
    document = documents.document(documents.measurement("net_float.keras", 2, 420, mode="function"))
    found = over_fitting(replace(document, learned=Learned(1_000, right)), {"accuracy": [1.0], "val_accuracy": [0.0]})
    assert found is None if expected is None else expected in found and "86 % of others" in found


def test_without_training_pictures_the_history_says_it_and_how_they_were_changed():
    told = over_fitting(documents.document(), {"accuracy": [0.5, 0.94], "val_accuracy": [0.5, 0.62]})
    assert "94 % of the pictures that it was trained on, changed at random, and on 62 % of others" in told
    assert over_fitting(documents.document(), {"accuracy": [0.94], "val_accuracy": [0.86]}) is None
    assert over_fitting(documents.document(), {}) is None


def test_keras_is_one_row_however_it_is_called():
    rows, words = with_one_keras(documents.document().rows)
    assert rows[0].label == "net_float.keras (function)" and len(rows) == 5
    assert words.startswith("The same Keras model takes 20") and words.endswith("ms by predict.")
