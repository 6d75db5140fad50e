"""A checkpoint's file, which tells whether it is what was written."""

import hashlib
from pathlib import Path

from cnnedge.errors import ModelError
from cnnedge.files import write_atomically

DIGEST_BYTES = 32


def write_sealed(path: Path, content: bytes) -> None:
    """Write a checkpoint in one step, with its SHA-256 behind it."""
    write_atomically(path, content + hashlib.sha256(content).digest())


def read_sealed(path: Path) -> bytes:
    """The content of a checkpoint.

    Raises:
        ModelError: it is not what was written.
    """
    stored = path.read_bytes()
    content, digest = stored[:-DIGEST_BYTES], stored[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ModelError(f"{path} is damaged (its checksum is wrong): begin again with --overwrite")
    return content
