"""What a training cost: its time, its pace, and the machine that it ran on, as ``manifest.json`` keeps them."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnedge.errors import DataError
from cnnedge.machine.hardware import machine_facts
from cnnedge.training.parts import Part

# Floating-point operations per multiply-accumulate of one training image: 2 forward, and twice as many backward, for
# the gradients of the weights and of the activations.
FLOP_PER_MAC, FLOP_PER_ANSWERED_MAC = 6, 2
# Watts of one busy core of a processor that is not known further. Source: "Any" in the table of Green Algorithms
# (Lannelongue, Grealey and Inouye 2021, doi 10.1002/advs.202100707), whose processors take 3.8 to 23.8 W a core.
CORE_WATTS = 12


def training_cost(history: Path, images_per_epoch: int, parts: Sequence[Part] = ()) -> dict[str, Any]:
    """The cost of a finished training.

    Args:
        history: its ``history.csv``; of a training that was taken up again it has the epochs of every part.
        images_per_epoch: images that the network saw in each epoch.
        parts: where each part was trained.

    Returns:
        ``epochs``; ``train_images``, seen in each; ``seconds``, with the evaluation after each epoch;
        ``images_per_second``, training images per second of all that; ``machine``, of the last epoch:
        ``cpu``, ``cores`` and ``accelerator`` (None: trained on the CPU). ``parts``, if there are several, or
        none is known of the first epochs: the fields of each ``Part``, its ``epochs`` and ``seconds``.
    """
    each = _epoch_seconds(history)
    epochs, seconds = len(each), round(sum(each), 1)
    done = _part_costs(parts, each)
    machine = this_machine() if not done else {name: done[-1][name] for name in ("cpu", "cores", "accelerator")}
    return {
        "epochs": epochs,
        "train_images": images_per_epoch,
        "seconds": seconds,
        "images_per_second": round(epochs * images_per_epoch / seconds, 1) if seconds else None,
        "machine": machine,
    } | ({"parts": done} if len(done) > 1 or (done and done[0]["first_epoch"]) else {})


def this_machine() -> dict[str, Any]:
    """``cpu``, ``cores``, and ``accelerator`` (None: Keras calculates on the CPU) of the machine that this runs on."""
    machine = machine_facts()
    return {"cpu": machine.cpu, "cores": machine.cores, "accelerator": accelerator()}


def _part_costs(parts: Sequence[Part], seconds: Sequence[float]) -> list[dict[str, Any]]:
    """What each part with an epoch took; one without was killed in its first, or had only the network to save."""
    found = []
    firsts = [*(part.first_epoch for part in parts), len(seconds)]
    for part, end in zip(parts, firsts[1:], strict=True):
        each = seconds[part.first_epoch : end]
        found += [{"epochs": len(each), "seconds": round(sum(each), 1), **dataclasses.asdict(part)}] if each else []
    return found


def epochs_and_seconds(history: Path) -> tuple[int, float]:
    """The epochs in a ``history.csv``, and the seconds of all of them.

    Raises:
        DataError: the file cannot be read, or has no column ``seconds``.
    """
    each = _epoch_seconds(history)
    return len(each), round(sum(each), 1)


def _epoch_seconds(history: Path) -> list[float]:
    try:
        return [float(row["seconds"]) for row in csv.DictReader(history.read_text().splitlines())]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{history} is not the history of a training ({error}): expected a column 'seconds'") from None


def training_flop(macs: int, images: int, teacher_macs: int = 0) -> int:
    """The floating-point operations of a training, estimated: ``macs`` of one image, and all images seen; of a teacher
    those forward alone."""
    return (FLOP_PER_MAC * macs + FLOP_PER_ANSWERED_MAC * teacher_macs) * images


def training_kwh(cores: int, seconds: float) -> float:
    """The energy of a training on the CPU in kWh, estimated: ``cores`` busy all the time, and nothing else counted."""
    return cores * CORE_WATTS * seconds / 3.6e6


def accelerator() -> str | None:
    """The name of the GPU or TPU that Keras's backend calculates on; None if it is the CPU."""
    import keras

    return _ACCELERATORS[keras.backend.backend()]()


def _tensorflow() -> str | None:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else None


def _jax() -> str | None:
    import jax

    device = jax.devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def _torch() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


_ACCELERATORS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
