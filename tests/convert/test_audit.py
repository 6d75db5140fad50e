import dataclasses

import numpy as np
import pytest

from cnnedge.convert.audit import SMALLEST_CORRELATION, audit_calibration, refuse_broken
from cnnedge.data import ArraySplit, pixels_of
from cnnedge.errors import DataError


def audit(images, sample, labels=None):
    labels = np.zeros(len(images), np.int64) if labels is None else labels
    return audit_calibration(ArraySplit(images, labels), sample.test, 10)


def test_real_calibration_images_pass(sample):
    facts = audit_calibration(sample.calibration, sample.test, 10)
    refuse_broken(facts)
    assert facts["images"] == sum(facts["per_class"]) == len(sample.calibration)
    assert (facts["smallest"], facts["largest"], facts["duplicates"], facts["in_test"]) == (0, 255, 0, 0)
    assert facts["neighbour_correlation"] > 2 * SMALLEST_CORRELATION


def broken(sample):
    digits = pixels_of(sample.calibration)
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, dtype=np.uint8)
    return {
        "noise": (noise, "look like noise"),
        "one image repeated": (np.repeat(digits[:1], 50, axis=0), "49 of 50 are copies"),
        "already normalized": (digits // 128, "look already normalized"),
        "test images": (pixels_of(sample.test, 30), "30 of 30 are also test images"),
    }


@pytest.mark.parametrize("what", ["noise", "one image repeated", "already normalized", "test images"])
def test_broken_calibration_images_are_refused_with_the_reason(what, sample):
    images, complaint = broken(sample)[what]
    with pytest.raises(DataError, match=f"{complaint}.*--force-calibration"):
        refuse_broken(audit(images, sample))


def test_blank_images_are_no_division_by_zero(sample):
    assert audit(np.full((3, 28, 28, 1), 7, np.uint8), sample)["neighbour_correlation"] == 1.0


def test_export_refuses_or_is_forced(sample, digits_model, tmp_path):
    from cnnedge.convert.converter import Converter
    from cnnedge.convert.exporting import export
    from cnnedge.convert.scheme import plan_of
    from cnnedge.model.keras_file import save_keras
    from cnnedge.training.recipes import Recipe

    noise = ArraySplit(broken(sample)["noise"][0], sample.calibration.labels)
    data = dataclasses.replace(sample, calibration=noise)
    save_keras(digits_model, tmp_path / "digits.keras")
    plan = plan_of(("tflite",), ("int8",))

    def run(**options):
        converter = Converter(digits_model, data, Recipe(epochs=1), **options)
        return export(converter, plan, source=tmp_path / "digits.keras", name="digits", folder=tmp_path / "out")

    with pytest.raises(DataError, match="look like noise"):
        run()
    assert not (tmp_path / "out").exists()
    done = run(force_calibration=True)
    audit = done.entries["digits_int8.tflite"].calibration
    assert not done.failures and audit["forced"] and "noise" in audit["problems"][0]
    assert 0 <= audit["halves_differ_pp"] <= 100
