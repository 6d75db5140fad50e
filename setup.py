"""Stops a 32-bit system before pip looks for wheels that do not exist. What the package is: pyproject.toml."""

import struct

import setuptools

if struct.calcsize("P") < 8:
    raise SystemExit(
        "error: this Python is 32-bit, and neither ai-edge-litert nor onnxruntime has a 32-bit wheel: install the "
        "64-bit Raspberry Pi OS (Bookworm or Trixie), then cnnedge there"
    )
setuptools.setup()
