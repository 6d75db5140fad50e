"""What a training cost, read from its history."""

import pytest

from cnnedge.errors import DataError
from cnnedge.model.networks import build_model, count_macs
from cnnedge.training.cost import epochs_and_seconds, training_cost, training_flop, training_kwh


def test_cost_is_that_of_every_epoch(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("epoch,accuracy,seconds\n0,0.5,10.25\n1,0.75,29.75\n")
    cost = training_cost(history, images_per_epoch=1000)
    assert (cost["epochs"], cost["seconds"], cost["train_images"]) == (2, 40.0, 1000)
    assert cost["images_per_second"] == 50.0  # 2 x 1,000 images in 40 s
    assert cost["machine"]["cpu"] and cost["machine"]["cores"] >= 1
    assert set(cost["machine"]) == {"cpu", "cores", "accelerator"}


@pytest.mark.parametrize("content", ["epoch,accuracy\n0,0.5\n", "epoch,seconds\n0,soon\n", "epoch,seconds\n0\n"])
def test_a_history_without_seconds_is_refused(content, tmp_path):
    history = tmp_path / "history.csv"
    history.write_text(content)
    with pytest.raises(DataError, match="expected a column 'seconds'"):
        epochs_and_seconds(history)


def test_flop_are_those_of_the_keras_layers():
    """A network of one dense layer by hand: 4 x 3 multiply-accumulates; forward, and two gradients of the same size."""
    assert training_flop(macs=4 * 3, images=10) == 10 * (2 * 12 + 2 * 12 + 2 * 12)
    assert training_flop(count_macs(build_model("mnist-tiny")), 1) == 6 * 1_299_744


def test_energy_of_one_hour_on_four_cores():
    assert training_kwh(cores=4, seconds=3600) == pytest.approx(4 * 0.012)
