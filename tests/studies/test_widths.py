"""Short trainings at two widths on the MNIST sample."""

import json

import pytest

from cnnedge.errors import DataError
from cnnedge.model.networks import build_model, count_macs
from cnnedge.studies.widths import load_widths, measure_widths, write_widths
from cnnedge.training.job import TrainingJob
from cnnedge.training.recipes import Recipe


def test_curve_has_the_figures_of_the_networks(sample, tmp_path):
    recipe = Recipe(epochs=4, batch_size=32, ema_momentum=0.9, calibration_images=100)
    path = tmp_path / "width.json"
    write_widths(path, measure_widths(TrainingJob("mnist-tiny", recipe), sample, [1.0, 2.0]))
    document = load_widths(path)
    assert (document["epochs"], document["data"]["train_images"], document["data"]["test_images"]) == (4, 800, 500)
    assert document["data"]["is_sample"]
    narrow, wide = document["rows"]
    for row in (narrow, wide):
        network = build_model("mnist-tiny", width=row["width"])
        assert (row["parameters"], row["macs"]) == (network.count_params(), count_macs(network))
        # 100 steps give about 90 % on 500 digits; one of them is 0.2 points.
        assert row["float_top1"] > 0.7 and abs(row["float_top1"] - row["int8_top1"]) < 0.02
        assert row["seconds"] > 0
    # Twice the width: four times the weights, one byte each.
    assert wide["int8_bytes"] - narrow["int8_bytes"] >= 0.8 * (wide["parameters"] - narrow["parameters"])


@pytest.mark.parametrize("content", ["no json", "[]", '{"schema": 1}', '{"schema": 2, "rows": [{}]}'])
def test_other_documents_are_refused(content, tmp_path):
    path = tmp_path / "width.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"width\.json .*scripts/width_curve\.py"):
        load_widths(path)
    path.write_text(json.dumps({"schema": 1, "epochs": 1, "seed": 0, "data": {}, "rows": [{"width": 1}]}))
    with pytest.raises(DataError, match="not a width curve of schema 1"):
        load_widths(path)
