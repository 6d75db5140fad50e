"""Sizes of pictures from their headers."""

import io
import os

import numpy as np
from PIL import Image

from cnnedge.images.headers import size_of


def test_size_comes_from_files_bytes_and_arrays_and_from_damaged_pixels(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (30, 20)).save(stream, "PNG")
    header = stream.getvalue()[:42]  # no pixel of it can be decoded
    (tmp_path / "cut.png").write_bytes(header)
    assert size_of(str(tmp_path / "cut.png")) == size_of(header) == size_of(np.zeros((20, 30, 3), np.uint8)) == (30, 20)
    assert size_of(b"<html>") is None and size_of(str(tmp_path / "gone.png")) is None


def test_pipes_are_not_waited_for_and_damage_is_no_defect(tmp_path):
    """A header of a kind that Pillow alone would read, as it would start Ghostscript, and one that is cut."""
    os.mkfifo(tmp_path / "pipe.png")
    assert size_of(str(tmp_path / "pipe.png")) is None
    assert size_of(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 20\n%%EndComments\n") is None
    assert size_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0") is None
