"""What a training cost, read from its history."""

import dataclasses

import pytest

from cnnedge.errors import DataError
from cnnedge.model.networks import build_model, count_macs
from cnnedge.training.cost import epochs_and_seconds, training_cost, training_flop, training_kwh
from cnnedge.training.parts import Part, with_part


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


def test_cost_is_told_by_part_where_machine_or_arithmetic_changed(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("epoch,seconds\n0,10\n1,20\n2,40\n")
    one, other = Part(0, 5, "One CPU", 2, None, half=True), Part(2, 3, "Other CPU", 4, None, half=False)
    cost = training_cost(history, 1000, (one, other))
    one_machine, other_machine = (
        {"cpu": part.cpu, "cores": part.cores, "accelerator": part.accelerator} for part in (one, other)
    )
    assert cost["parts"] == [
        {"first_epoch": 0, "epochs": 2, "seconds": 30.0, "planned_epochs": 5, **one_machine, "half": True},
        {"first_epoch": 2, "epochs": 1, "seconds": 40.0, "planned_epochs": 3, **other_machine, "half": False},
    ]
    assert cost["machine"] == other_machine == {"cpu": "Other CPU", "cores": 4, "accelerator": None}
    # Killed between the last epoch and the file: where the file was written trained nothing.
    cost = training_cost(history, 1000, (one, dataclasses.replace(other, first_epoch=3)))
    assert "parts" not in cost and cost["machine"]["cpu"] == "One CPU" and cost["seconds"] == 70.0
    # Begun by a version that noted no parts: what is known begins later, and is not said of the first epochs.
    assert [part["first_epoch"] for part in training_cost(history, 1000, (other,))["parts"]] == [2]


def test_a_part_goes_on_where_nothing_changed_and_takes_the_place_of_one_that_finished_no_epoch():
    one = Part(0, 9, "One CPU", 2, None, half=True)
    other = Part(3, 9, "Other CPU", 4, None, half=False)
    assert with_part((), one) == (one,)
    assert with_part((one,), dataclasses.replace(one, first_epoch=2)) == (one,)
    assert with_part((one,), other) == (one, other)
    assert with_part((one,), dataclasses.replace(one, first_epoch=2, planned_epochs=7))[-1].planned_epochs == 7
    assert with_part((one, other), dataclasses.replace(one, first_epoch=3)) == (one,)
    assert with_part((one, other), dataclasses.replace(one, first_epoch=5))[-1].first_epoch == 5
