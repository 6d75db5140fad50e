"""Where a training runs: on one device, or on several that share every batch, of one machine or of many."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import keras

from cnnedge.errors import UsageError


def data_parallel(devices: int, batch_size: int, machines: int = 1) -> AbstractContextManager[None]:
    """Let what is trained inside share each batch among ``devices`` devices of each of ``machines`` machines.

    The batch, its order and its augmentation stay those of one device, and so does what a batch norm averages over:
    JAX calculates with the whole batch, wherever its parts lie. The result is that of one device but for the order in
    which numbers are added. (TensorFlow's MirroredStrategy, tried with Keras 3.15, does not: after four steps the loss
    was 1.5 % off, and every answer came twice.)

    Raises:
        UsageError: the backend is not JAX, it shows fewer devices, or the batch cannot be shared out evenly.
    """
    if devices * machines == 1:
        return nullcontext()
    found = keras.distribution.list_devices() if keras.backend.backend() == "jax" else []
    _check(found, devices, batch_size, machines)
    return _on_jax(found[: devices * machines], batch_size)


def own_part(batch_size: int) -> slice:
    """The pictures of every batch that this process makes: all of them, unless other machines make theirs."""
    distribution = keras.distribution.distribution()
    processes = 1 if distribution is None else distribution.num_processes
    if processes == 1:
        return slice(0, batch_size)
    import jax

    share = batch_size // processes
    return slice(jax.process_index() * share, (jax.process_index() + 1) * share)


@contextmanager
def _on_jax(devices: list[str], batch_size: int) -> Iterator[None]:
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(_Shared(devices, batch_size))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


class _Shared(keras.distribution.DataParallel):
    """Every device gets an equal part of a batch, or all of it where it cannot be shared out, as an evaluation's.

    On several machines a batch of the training is made in parts, an evaluation's by each machine as a whole.
    """

    def __init__(self, devices: list[str], batch_size: int) -> None:
        super().__init__(devices=devices, auto_shard_dataset=False)
        self._own_rows = batch_size // self.num_processes

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        rows = data_shape[0] if data_shape else 0
        alone = self.num_processes == 1
        if rows % self.device_mesh.devices.size == 0 if alone else rows == self._own_rows:
            return super().get_data_layout(data_shape)
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


def _check(found: list[str], devices: int, batch_size: int, machines: int) -> None:
    if keras.backend.backend() != "jax":
        raise UsageError(f"--devices {devices} trains on JAX alone: set KERAS_BACKEND=jax")
    if machines > 1 and len(found) != devices * machines:
        raise UsageError(
            f"--devices {devices}: {machines} machines show {len(found)} devices together; name how many each one has"
        )
    if len(found) < devices:
        raise UsageError(
            f"--devices {devices}: JAX shows {len(found)} ({', '.join(found)}); a CPU is split by "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={devices}"
        )
    if batch_size % (devices * machines):
        sharing = f"--devices {devices}" if machines == 1 else f"{machines} machines of {devices} devices"
        raise UsageError(f"{sharing} do not share a batch of {batch_size} evenly: choose another --batch-size")
