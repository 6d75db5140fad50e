"""The mistakes of a file: the surest with their pictures, and the confusions in words."""

import numpy as np

from cnnedge.data import ArraySplit
from cnnedge.report import wrong
from tests.support import documents


def test_the_surest_mistakes_come_first_with_their_pictures():
    one = documents.measurement("net_int8.tflite", 1, 3)
    one.probabilities[1] = np.where(one.probabilities[1] > 0.5, 0.9, 0.05)
    document = documents.document(one)
    images = ArraySplit(np.zeros((documents.IMAGES, 8, 8, 3), np.uint8), documents.labels())
    assert [mistake.image for mistake in document.rows[0].mistakes] == [1, 0, 2]
    found = wrong.surest(document.rows[0], document, images)
    assert [picture["confidence"] for picture in found] == ["90", "80", "80"]
    names = documents.CLASSES
    true = documents.labels()[1]
    assert (found[0]["label"], found[0]["predicted"]) == (names[true], names[(true + 1) % 3])
    assert found[0]["source"].startswith("data:image/png;base64,")
    assert wrong.surest(document.rows[0], document, None) == []


def test_confusions_are_counted_and_the_worst_part_of_a_class_comes_first():
    row = documents.document(documents.measurement("net_int8.tflite", 1, 300)).rows[0]
    found = wrong.confusions(row, ["cat", "dog", "cow"])
    counts = np.bincount(documents.labels()[:300], minlength=3)
    wholes = np.bincount(documents.labels(), minlength=3)
    expected = sorted(((counts[one] / wholes[one], counts[one], wholes[one], one) for one in range(3)), reverse=True)
    names = ["cat", "dog", "cow"]
    assert found == [f"{n} of {whole:,} {names[i]} taken for {names[(i + 1) % 3]}" for _, n, whole, i in expected]
