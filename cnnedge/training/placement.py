"""Where a training runs: on one device, or on several that share every batch."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from cnnedge.errors import UsageError


@contextmanager
def data_parallel(devices: int, batch_size: int) -> Iterator[None]:
    """Let what is trained inside share each batch among ``devices`` devices, by Keras's own data parallelism.

    The batch, its order and its augmentation stay those of one device, and so does what a batch norm averages over:
    JAX calculates with the whole batch, wherever its parts lie. The result is that of one device but for the order in
    which numbers are added.

    Raises:
        UsageError: the backend is not JAX, it shows fewer devices, or the batch cannot be shared out evenly.
    """
    if devices == 1:
        yield
        return
    found = keras.distribution.list_devices() if keras.backend.backend() == "jax" else []
    _check(found, devices, batch_size)
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(_Shared(devices=found[:devices], auto_shard_dataset=False))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


class _Shared(keras.distribution.DataParallel):
    """Every device gets an equal part of a batch, or all of it where it cannot be shared out, as an evaluation's."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        if data_shape and data_shape[0] % self.device_mesh.devices.size:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)


def _check(found: list[str], devices: int, batch_size: int) -> None:
    if keras.backend.backend() != "jax":
        raise UsageError(f"--devices {devices} trains on JAX alone: set KERAS_BACKEND=jax")
    if len(found) < devices:
        raise UsageError(
            f"--devices {devices}: JAX shows {len(found)} ({', '.join(found)}); a CPU is split by "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={devices}"
        )
    if batch_size % devices:
        raise UsageError(
            f"--devices {devices} do not share a batch of {batch_size} evenly: choose another --batch-size"
        )
