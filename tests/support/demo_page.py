"""What the tests of the demo page share: the files that are served, and what they do with the page."""

import base64
import re
from pathlib import Path

EXPORTED = Path(__file__).parents[2] / "exported"
FILES = [
    EXPORTED / "mnist" / "mnist_int8.tflite",
    EXPORTED / "mnist" / "mnist_float32.tflite",
    EXPORTED / "mnist" / "mnist_float32.onnx",
    EXPORTED / "cifar10" / "cifar10_int8.tflite",
    EXPORTED / "cifar10" / "cifar10_int8_qat.tflite",
    EXPORTED / "cifar10" / "cifar10_int8.onnx",
]


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def see(page, best: str) -> None:
    page.locator("#best").filter(has_text=re.compile(f"^{re.escape(best)}$")).wait_for(timeout=60_000)


def choose_file(page, name: str) -> None:
    labels = page.eval_on_selector_all("#file option", "options => options.map((option) => option.textContent)")
    page.select_option("#file", index=next(index for index, label in enumerate(labels) if label.startswith(name)))
    page.locator("#check").filter(has_text="8 of 8").wait_for()
