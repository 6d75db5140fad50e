"""Sizes of pictures from their headers."""

import io

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
