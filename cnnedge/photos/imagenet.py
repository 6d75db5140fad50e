"""Networks of ``keras.applications`` with the weights that they learned on ImageNet, from Keras's own addresses.

Keras's loader follows every redirect without a limit of time and writes into the place of the file; here its addresses
and hashes are used with the downloader of our data sets: a file is whole or not there, and checked at every use.
"""

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.data.published.cache import data_folder
from cnnedge.data.published.web import CONNECT_SECONDS, READ_SECONDS, Bar, reason
from cnnedge.errors import DataError, ModelError, UsageError
from cnnedge.model.preprocessing import NAMED, Preprocessing
from cnnedge.names import expected_one_of
from cnnedge.progress import Progress, silent

DEFAULT = "MobileNetV2"


def names() -> list[str]:
    """The networks that there are."""
    import keras

    return [name for name in dir(keras.applications) if name[0].isupper()]


def check_known(name: str) -> None:
    """Raises:
    UsageError: there is no network of this name; "none" stands for none.
    """
    if name not in (known := [*names(), "none"]):
        raise UsageError(f"unknown --base {name!r}: {expected_one_of(name, known)}")


def base(name: str, size: int, progress: Progress = silent) -> Any:
    """The network ``name`` without its head, for images of ``size`` x ``size``: one vector an image comes out.

    Raises:
        UsageError: there is no such network, or it does not take that size.
        DataError: its weights cannot be fetched, or are not what they should be.
    """
    import keras

    check_known(name)
    build = getattr(keras.applications, name)
    try:
        with _own_downloads(progress), warnings.catch_warnings():
            # Keras warns where no weights are of this very size: those for 224 serve any, by design of the network.
            warnings.simplefilter("ignore", UserWarning)
            return build(weights="imagenet", include_top=False, pooling="avg", input_shape=(size, size, 3))
    except (ValueError, OSError) as error:
        words = " ".join(str(error).split())
        raise UsageError(f"--base {name} at {size} x {size} cannot be made: {words}") from error


def preprocessing_of(name: str) -> Preprocessing:
    """What the network takes in place of raw pixels, found by trying.

    Raises:
        ModelError: none of the ways that are known.
    """
    import keras

    module = inspect.getmodule(getattr(keras.applications, name))
    pixels = np.arange(2 * 2 * 3, dtype="float32").reshape(1, 2, 2, 3) * 20
    wanted = module.preprocess_input(pixels.copy())  # type: ignore[union-attr]
    for known in (Preprocessing(), *NAMED.values()):
        if np.allclose(known(pixels), wanted, atol=1e-4):
            return known
    raise ModelError(f"what {name} does to pixels is none of {', '.join(NAMED)}: choose another --base")


def weights_folder() -> Path:
    """Where the weights are kept."""
    return data_folder() / "weights"


@contextlib.contextmanager
def _own_downloads(progress: Progress) -> Iterator[None]:
    from keras.src.utils import file_utils

    original = file_utils.get_file
    file_utils.get_file = partial(_fetched, progress)
    try:
        yield
    finally:
        file_utils.get_file = original


def _fetched(progress: Progress, fname: str, origin: str, file_hash: str | None = None, **_: Any) -> str:
    """In place of ``keras.utils.get_file``: the path of the file, which is whole.

    Where Keras knows no hash, that of the first download is kept beside the file and holds from then on.

    Raises:
        DataError: the address cannot be reached, or the hash differs.
    """
    import logging

    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)
    path = weights_folder() / fname
    noted = path.with_name(f"{fname}.sha256")
    known = _algorithm(file_hash) if file_hash else f"sha256:{noted.read_text().strip()}" if noted.is_file() else None
    downloader = pooch.HTTPDownloader(
        timeout=(CONNECT_SECONDS, READ_SECONDS), progressbar=Bar(f"download {fname}", progress)
    )
    try:
        pooch.retrieve(origin, known, fname=fname, path=path.parent, downloader=downloader)
    except (requests.RequestException, OSError) as error:
        words = reason(error) if isinstance(error, requests.RequestException) else str(error)
        raise DataError(
            f"{origin} cannot be fetched ({words}): try again with a network, or put it at {path}"
        ) from error
    except ValueError as error:  # how pooch says that the hash differs
        raise DataError(
            f"{path} is not the file that it should be: its hash differs; remove it and try again"
        ) from error
    noted.write_text(pooch.file_hash(str(path)) + "\n")
    return str(path)


def _algorithm(digest: str) -> str:
    return f"{'md5' if len(digest) == 32 else 'sha256'}:{digest}"
