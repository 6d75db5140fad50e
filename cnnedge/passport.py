"""The passport: what a model file says about itself, carried inside the file as JSON.

In a ``.tflite`` it is the metadata entry ``cnnedge_passport``; in an ``.onnx`` the metadata property of the same
name. Reading and embedding are the runtime's and the exporters' matter; here is only what it says.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from cnnedge.errors import ModelError

PASSPORT_KEY = "cnnedge_passport"
SCHEMA = 1
# The author that standard metadata names: the tool, since it does not know the person.
AUTHOR = "cnnedge"
# A passport is a page of text; anything larger than this is not one of ours and is not parsed.
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Passport:
    """What to feed a file, what comes out, how it was made and how right it was.

    ``input_shape`` is ``(height, width, channels)``; pixels are 0..255 as decoded, RGB or grey, NHWC.
    ``labels[i]`` names output ``i``. ``top1`` is the fraction right on ``test_images`` test images, or None when
    it was not measured. ``made`` holds versions, seeds, hashes and the method, as the manifest does.
    """

    model: str
    format: str
    precision: str
    qat: bool
    labels: tuple[str, ...]
    input_shape: tuple[int, int, int]
    input_dtype: str
    output_dtype: str
    description: str = ""
    licence: str = ""
    top1: float | None = None
    test_images: int = 0
    made: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The labels; None where they only number the outputs, for the model was exported without data or labels."""
        numbers = tuple(str(index) for index in range(len(self.labels)))
        return None if self.labels == numbers and not self.made.get("data") else self.labels

    @property
    def version(self) -> str:
        """Which network this is: the beginning of the SHA-256 of its ``.keras`` file; empty if unknown."""
        return str(self.made.get("source_sha256", ""))[:12]

    @property
    def input_contract(self) -> dict[str, Any]:
        """The input in words that an app developer needs, as in manifest.json."""
        return {
            "shape": list(self.input_shape),
            "layout": "NHWC",
            "colour": "grey" if self.input_shape[2] == 1 else "RGB",
            "values": "pixels 0..255 as decoded, no scaling",
            "dtype": self.input_dtype,
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> "Passport":
        """Read a passport, trusting nothing in it.

        Raises:
            ModelError: it is not JSON, not an object, of another schema, or a field has the wrong type.
        """
        if len(text) > MAX_BYTES:
            raise ModelError(f"the passport is {len(text):,} bytes, expected at most {MAX_BYTES:,}")
        try:
            fields = json.loads(text)
            json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()  # no nan, no half of a character
        except (ValueError, RecursionError) as error:
            raise ModelError(f"the passport is not valid JSON ({error})") from None
        if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
            raise ModelError(f"the passport is not of schema {SCHEMA}: export the file again with this version")
        try:
            passport = cls(
                model=_text(fields, "model"),
                format=_text(fields, "format"),
                precision=_text(fields, "precision"),
                qat=bool(fields["qat"]),
                labels=tuple(str(label) for label in _list(fields, "labels")),
                input_shape=_shape(fields),
                input_dtype=_text(fields, "input_dtype"),
                output_dtype=_text(fields, "output_dtype"),
                description=_text(fields, "description"),
                licence=_text(fields, "licence"),
                top1=None if fields["top1"] is None else float(fields["top1"]),
                test_images=int(fields["test_images"]),
                made=dict(fields["made"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"the passport has a missing or malformed field ({error})") from None
        return passport


def _text(fields: dict[str, Any], name: str) -> str:
    if not isinstance(fields[name], str):
        raise TypeError(f"{name} is {type(fields[name]).__name__}, expected text")
    return fields[name]


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    if not isinstance(fields[name], list):
        raise TypeError(f"{name} is {type(fields[name]).__name__}, expected a list")
    return fields[name]


def _shape(fields: dict[str, Any]) -> tuple[int, int, int]:
    height, width, channels = (int(size) for size in _list(fields, "input_shape"))
    if min(height, width) < 1 or channels not in (1, 3):
        raise ValueError(f"input_shape is ({height}, {width}, {channels}), expected (height, width, 1 or 3)")
    return height, width, channels
