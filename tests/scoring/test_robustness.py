"""Robustness of two real files on real digits, and the arithmetic of the difference on predictions written down."""

import numpy as np
import pytest

from cnnedge.data import ArraySplit, pixels_of
from cnnedge.errors import DataError
from cnnedge.records import write_record
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring import robustness
from cnnedge.scoring.corruptions import SEVERITIES, corrupt
from tests.support.digits import digits


@pytest.fixture(scope="module")
def split():
    return ArraySplit(*digits("test")).take(np.arange(0, 500, 5))


@pytest.fixture(scope="module")
def files(model_folder):
    return [model_folder / "digits_float32.tflite", model_folder / "digits_int8.tflite"]


@pytest.fixture(scope="module")
def document(files, split):
    return robustness.measure_robustness(files, split, data_name="mnist", full_images=500)


def test_figures_are_those_of_the_files_on_the_corrupted_images(document, files, split):
    reference, quantized = document.rows
    for file, row in zip(files, document.rows, strict=True):
        with open_runner(file) as runner:
            for name, severity in (("shot_noise", 2), ("pixelate", 5)):
                answers = runner.predict(corrupt(pixels_of(split), name, severity)).argmax(1)
                assert row.top1[name][severity - 1] == np.mean(answers == split.labels)
            assert row.clean_top1 == np.mean(runner.predict(pixels_of(split)).argmax(1) == split.labels)
        assert row.mean_top1 == pytest.approx(np.mean(list(row.top1.values())))
    assert reference.delta_pp is None
    # Rounded to 4 digits.
    assert quantized.delta_pp == pytest.approx(100 * (quantized.mean_top1 - reference.mean_top1), abs=1e-4)
    assert document.severities.keys() == SEVERITIES.keys()
    assert document.data == robustness.Pictures("mnist", "test", 100, 500, split.sha256, False)


def test_interval_is_over_images_not_over_conditions(files):
    """Four images; int8 loses the first under every corruption, and the second everywhere, clean too."""
    clean = np.array([True, False, True, True])
    right = np.tile([False, False, True, True], (35, 1))
    sound = np.ones(4, bool), np.ones((35, 4), bool)
    row = robustness._row(files[1], clean, right, sound)
    assert (row.clean_delta_pp, row.delta_pp, row.amplification_pp) == (-25, -50, -25)
    # Of the values -1, -1, 0, 0 the deviation is sqrt(1/3), of -1, 0, 0, 0 it is 1/2; both over sqrt(4) images.
    for name, deviation in (("delta", np.sqrt(1 / 3)), ("amplification", 0.5)):
        reach = getattr(row, f"{name}_high_pp") - getattr(row, f"{name}_pp")
        assert reach == pytest.approx(196 * deviation / 2, rel=1e-3)


def test_kept_and_read_back(document, files, tmp_path):
    path = tmp_path / "robustness.json"
    write_record(path, document)
    kept = robustness.read_robustness(path)
    assert kept == document
    assert robustness.measured_on(kept.rows, files)
    assert not robustness.measured_on(kept.rows, files[:1])
    changed = tmp_path / files[1].name
    changed.write_bytes(files[1].read_bytes() + b"\0")
    assert not robustness.measured_on(kept.rows, [files[0], changed])


@pytest.mark.parametrize("content", ["no json", "[]", '{"schema": 2}', '{"schema": 1}'])
def test_other_documents_are_refused(content, tmp_path):
    path = tmp_path / "robustness.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"robustness\.json .*run cnnedge card again"):
        robustness.read_robustness(path)


def test_plain_images_have_their_interval(files, split):
    rows = robustness.measure_plain(files, split)
    assert [row.file for row in rows] == [file.name for file in files]
    assert all(row.top1_low < row.top1 < row.top1_high for row in rows)


def test_one_image_has_no_spread(files, split):
    with pytest.raises(ValueError, match="1 images, expected at least 2"):
        robustness.measure_robustness(files, split.take(np.arange(1)), data_name="mnist", full_images=500)
