"""Keeping native libraries' chatter off the person's terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Send the process's standard error to nowhere for the length of the block.

    LiteRT writes "INFO: Created TensorFlow Lite XNNPACK delegate for CPU." straight to file descriptor 2 and
    has no setting against it. What it finds wrong with a file reaches us as an exception, so nothing is lost.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
