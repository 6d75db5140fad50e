"""The standard TFLite metadata, which MediaPipe Tasks and Android Studio read: written for our files, read from any.

A flatbuffer of its own (metadata_schema.fbs 1.5.0, identifier M001) in the entry TFLITE_METADATA, and the labels as
``labels.txt`` in an archive behind the model. Numbers of tables' fields and of enums are those of the public schema.
"""

from dataclasses import dataclass

from cnnedge.formats.tflite import flatbuffer
from cnnedge.formats.tflite.flatbuffer import Damaged, Table
from cnnedge.formats.tflite.label_archive import read_file
from cnnedge.passport import AUTHOR, Passport

ENTRY = "TFLITE_METADATA"
IDENTIFIER = b"M001"
LABEL_FILE = "labels.txt"
IMAGE_NAME, SCORES_NAME = "image", "probabilities"  # as the tensors are called in the model
# The first version of the format has every field that is written here.
PARSER_VERSION = "1.0.0"
_COLOURS = ("unknown", "RGB", "grey")  # enum ColorSpaceType
_FEATURE, _IMAGE = 1, 2  # union ContentProperties
_NORMALIZATION = 1  # union ProcessUnitOptions
_AXIS_LABELS = 2  # enum AssociatedFileType


@dataclass(frozen=True)
class StandardMetadata:
    """What the metadata says. Numbers are one per channel, or one for all channels; none where it says nothing.

    ``mean`` and ``std``: what to feed is ``(pixel - mean) / std`` of a pixel 0..255.
    """

    name: str
    description: str
    version: str
    author: str
    licence: str
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input_min: tuple[float, ...]
    input_max: tuple[float, ...]
    output_min: tuple[float, ...]
    output_max: tuple[float, ...]
    label_file: str | None

    @property
    def scales_pixels(self) -> bool:
        """Whether it asks for anything but the pixels as they are."""
        return any(self.mean) or any(value != 1.0 for value in self.std)


def of_passport(passport: Passport) -> StandardMetadata:
    """The metadata of one of our files: raw pixels 0..255 in, probabilities out."""
    return StandardMetadata(
        name=passport.model,
        description=passport.description,
        version=passport.version,
        author=AUTHOR,
        licence=passport.licence,
        colour=passport.input_contract["colour"],
        mean=(0.0,),
        std=(1.0,),
        input_min=(0.0,),
        input_max=(255.0,),
        output_min=(0.0,),
        output_max=(1.0,),
        label_file=LABEL_FILE,
    )


def label_lines(labels: tuple[str, ...]) -> bytes:
    """The content of a label file: one label a line.

    Raises:
        ModelError: a label is empty or has a line break in it, and would be read as another number of labels.
    """
    for label in labels:
        if not label.strip() or len(label.splitlines()) != 1:
            raise Damaged(f"label {label[:60]!r} cannot stand on one line of {LABEL_FILE}: rename the class")
    return "\n".join(labels).encode()


def read_labels(content: bytes, name: str) -> tuple[str, ...]:
    """The labels in file ``name`` of the archive behind the model ``content``: one a line.

    Raises:
        ModelError: see ``tflite_metadata_archive.read_file``; or the file is not UTF-8 text.
    """
    try:
        lines = read_file(content, name).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise Damaged(f"{name[:60]!r} in the archive is not UTF-8 text, expected one label a line") from None
    labels = [line.removesuffix("\r") for line in lines]
    return tuple(labels[:-1] if labels[-1] == "" else labels)


def read(data: bytes) -> StandardMetadata:
    """Read the content of the entry TFLITE_METADATA, of any tool.

    Raises:
        ModelError: it is damaged.
    """
    if data[4:8] != IDENTIFIER:
        raise Damaged("the TFLite metadata does not begin as such (M001 at byte 4)")
    model = flatbuffer.root(data)
    graphs = model.tables(3)
    inputs, outputs = (graphs[0].tables(2), graphs[0].tables(3)) if graphs else ([], [])
    image, scores = (tensors[0] if tensors else None for tensors in (inputs, outputs))
    mean, std = _normalization(image)
    input_max, input_min = _stats(image)
    output_max, output_min = _stats(scores)
    return StandardMetadata(
        name=model.text(0),
        description=model.text(1),
        version=model.text(2),
        author=model.text(4),
        licence=model.text(5),
        colour=_colour(image),
        mean=mean,
        std=std,
        input_min=input_min,
        input_max=input_max,
        output_min=output_min,
        output_max=output_max,
        label_file=_label_file(scores),
    )


def _colour(image: Table | None) -> str:
    content = image.table(3) if image else None
    properties = content.table(1) if content and content.integer(0, "B") == _IMAGE else None
    number = properties.integer(0, "b") if properties else 0
    return _COLOURS[number] if 0 <= number < len(_COLOURS) else _COLOURS[0]


def _normalization(image: Table | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in image.tables(4) if image else []:
        options = unit.table(1)
        if options and unit.integer(0, "B") == _NORMALIZATION:
            return options.numbers(0, "<f4"), options.numbers(1, "<f4")
    return (), ()


def _stats(tensor: Table | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    stats = tensor.table(5) if tensor else None
    return (stats.numbers(0, "<f4"), stats.numbers(1, "<f4")) if stats else ((), ())


def _label_file(scores: Table | None) -> str | None:
    """The first label file of the output; the others are translations."""
    files = scores.tables(6) if scores else []
    return next((file.text(0) for file in files if file.integer(2, "b") == _AXIS_LABELS), None) or None


def write(metadata: StandardMetadata) -> bytes:
    """The content of the entry TFLITE_METADATA; the same metadata give the same bytes."""
    return _Writer().model(metadata)


class _Writer:
    """Builds the tables, innermost first, as a flatbuffer wants it."""

    def __init__(self) -> None:
        import flatbuffers  # it comes with ai-edge-litert

        self.builder = flatbuffers.Builder(1024)

    def model(self, metadata: StandardMetadata) -> bytes:
        graph = self._table({2: self._tables(self._image(metadata)), 3: self._tables(self._scores(metadata))})
        texts = {
            0: metadata.name,
            1: metadata.description,
            2: metadata.version,
            4: metadata.author,
            5: metadata.licence,
            7: PARSER_VERSION,
        }
        places = {number: self.builder.CreateString(text) for number, text in texts.items()}
        self.builder.Finish(self._table({**places, 3: self._tables(graph)}), IDENTIFIER)
        return bytes(self.builder.Output())

    def _image(self, metadata: StandardMetadata) -> int:
        options = self._table({0: self._floats(metadata.mean), 1: self._floats(metadata.std)})
        return self._tensor(
            IMAGE_NAME,
            "pixels 0..255 as decoded, no scaling",
            content=self._table({1: self._table({}, {0: _COLOURS.index(metadata.colour)})}, {0: _IMAGE}),
            stats=self._table({0: self._floats(metadata.input_max), 1: self._floats(metadata.input_min)}),
            more={4: self._tables(self._table({1: options}, {0: _NORMALIZATION}))},
        )

    def _scores(self, metadata: StandardMetadata) -> int:
        file = {0: self.builder.CreateString(metadata.label_file), 1: self.builder.CreateString("one label a line")}
        return self._tensor(
            SCORES_NAME,
            "one probability per class",
            content=self._table({1: self._table({})}, {0: _FEATURE}),
            stats=self._table({0: self._floats(metadata.output_max), 1: self._floats(metadata.output_min)}),
            more={6: self._tables(self._table(file, {2: _AXIS_LABELS}))},
        )

    def _tensor(self, name: str, description: str, *, content: int, stats: int, more: dict[int, int]) -> int:
        texts = {0: self.builder.CreateString(name), 1: self.builder.CreateString(description)}
        return self._table({**texts, 3: content, 5: stats, **more})

    def _table(self, places: dict[int, int], numbers: dict[int, int] | None = None) -> int:
        """A table; ``places`` are fields that lie elsewhere, ``numbers`` are enums, both by field number."""
        numbers = numbers or {}
        self.builder.StartObject(max([*places, *numbers], default=-1) + 1)
        for field, place in places.items():
            self.builder.PrependUOffsetTRelativeSlot(field, place, 0)
        for field, number in numbers.items():
            self.builder.PrependUint8Slot(field, number, 0)
        return self.builder.EndObject()

    def _tables(self, place: int) -> int:
        """A list of one table."""
        self.builder.StartVector(4, 1, 4)
        self.builder.PrependUOffsetTRelative(place)
        return self.builder.EndVector()

    def _floats(self, values: tuple[float, ...]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return self.builder.EndVector()
