"""Named entries inside a TFLite file: reading them, and adding some without touching anything else.

Entries are added by putting a new root, new lists of buffers and of metadata, and the entries themselves in front
of the old file. Offsets in a flatbuffer only point forward, so the new lists can name the old tables, and not
one byte of the old file changes: operators, tensors and weights stay identical and keep their alignment,
which writing the file anew through the Python object API loses.
"""

import struct
from collections.abc import Mapping

from cnnedge.formats.tflite import flatbuffer
from cnnedge.formats.tflite.flatbuffer import Damaged, Table
from cnnedge.formats.tflite.reader import IDENTIFIER, TFLiteModel, read_tflite

# Fields of the schema's Model table; later ones (external buffers) are not carried over, so they are refused.
_VERSION, _BUFFERS, _METADATA, _MODEL_FIELDS = 0, 4, 6, 8
# The old file must start at a multiple of its strictest alignment: 16 for weights, 64 for a cache line.
_ALIGNMENT = 64
_ROOT_BYTES = 8
_ENTRY_VTABLE = struct.pack("<4H", 8, 12, 4, 8)  # metadata: a name at 4, a buffer number at 8
_BUFFER_VTABLE = struct.pack("<4H", 6, 8, 4, 0)  # buffer: its data at 4; two bytes of padding


def read_entry(model: TFLiteModel, name: str) -> bytes | None:
    """The metadata entry ``name`` of a TFLite file, or None.

    Raises:
        ModelError: the entry names a buffer that is not there.
    """
    for entry, buffer in model.metadata:
        if entry == name:
            if buffer >= len(model.buffers):
                raise Damaged(f"metadata {name!r} lies in buffer {buffer}, of {len(model.buffers)}")
            start, length = model.buffers[buffer]
            return model.content[start : start + length]
    return None


def add_entries(content: bytes, entries: Mapping[str, bytes]) -> bytes:
    """Return the TFLite file with the metadata ``entries``, by name; an entry of the same name is replaced.

    A replaced entry's bytes stay in the file, unused. An archive appended to the file (label files) must be
    appended again.

    Raises:
        ModelError: the file is not TFLite, is damaged, or keeps its weights outside the flatbuffer.
    """
    read_tflite(content)
    model = flatbuffer.root(content)
    if any(number >= _MODEL_FIELDS for number in model.present):
        raise Damaged("the file keeps its weights outside the flatbuffer, expected one file below 2 GB")
    buffers = [table.position for table in model.tables(_BUFFERS)]
    kept = [table.position for table in model.tables(_METADATA) if table.text(0) not in entries]
    return _Front(model, buffers, kept, entries).before(content)


class _Entry:
    """Where the pieces of one new entry lie: its table, its name, its buffer and its data, from ``start`` on."""

    def __init__(self, start: int, number: int, name: bytes, data: bytes) -> None:
        self.number, self.name, self.data = number, name, data
        self.at = _up(start, 4) + len(_ENTRY_VTABLE)
        self.name_at = self.at + 12
        self.buffer_at = _up(self.name_at + 4 + len(name) + 1, 4) + len(_BUFFER_VTABLE)
        self.data_at = _up(self.buffer_at + 8 + 4, 16) - 4
        self.end = self.data_at + 4 + len(data)

    def pieces(self) -> dict[int, bytes]:
        return {
            self.at - len(_ENTRY_VTABLE): _ENTRY_VTABLE,
            self.at: struct.pack("<iII", len(_ENTRY_VTABLE), self.name_at - self.at - 4, self.number),
            self.name_at: struct.pack("<I", len(self.name)) + self.name,
            self.buffer_at - len(_BUFFER_VTABLE): _BUFFER_VTABLE,
            self.buffer_at: struct.pack("<iI", len(_BUFFER_VTABLE), self.data_at - self.buffer_at - 4),
            self.data_at: struct.pack("<I", len(self.data)) + self.data,
        }


class _Front:
    """The bytes that go in front of the old file: where each piece lies, then the pieces in that order."""

    def __init__(self, model: Table, buffers: list[int], kept: list[int], entries: Mapping[str, bytes]) -> None:
        self.model, self.buffers, self.kept = model, buffers, kept
        self.table_at = _ROOT_BYTES + 4 + 2 * _MODEL_FIELDS
        self.buffers_at = self.table_at + 4 + 4 * _MODEL_FIELDS
        self.entries_at = self.buffers_at + 4 + 4 * (len(buffers) + len(entries))
        end = self.entries_at + 4 + 4 * (len(kept) + len(entries))
        self.entries: list[_Entry] = []
        for number, (name, data) in enumerate(entries.items(), start=len(buffers)):
            self.entries.append(_Entry(end, number, name.encode(), data))
            end = self.entries[-1].end
        self.size = _up(end, _ALIGNMENT)

    def before(self, content: bytes) -> bytes:
        front = bytearray(self.size)
        pieces = {
            0: struct.pack("<I4s", self.table_at, IDENTIFIER),
            _ROOT_BYTES: self._model_vtable(),
            self.table_at: self._model_table(),
            self.buffers_at: self._list(self.buffers_at, self.buffers, [entry.buffer_at for entry in self.entries]),
            self.entries_at: self._list(self.entries_at, self.kept, [entry.at for entry in self.entries]),
        }
        for entry in self.entries:
            pieces |= entry.pieces()
        for position, piece in pieces.items():
            front[position : position + len(piece)] = piece
        return bytes(front) + content

    def _model_vtable(self) -> bytes:
        kept = {*self.model.present, _BUFFERS, _METADATA}
        offsets = [4 + 4 * number if number in kept else 0 for number in range(_MODEL_FIELDS)]
        return struct.pack(f"<{2 + _MODEL_FIELDS}H", 4 + 2 * _MODEL_FIELDS, 4 + 4 * _MODEL_FIELDS, *offsets)

    def _model_table(self) -> bytes:
        values = [self._model_field(number) for number in range(_MODEL_FIELDS)]
        return struct.pack(f"<i{_MODEL_FIELDS}I", self.table_at - _ROOT_BYTES, *values)

    def _model_field(self, number: int) -> int:
        """The value of one field: the version, or how far ahead the list that it names lies."""
        if number == _VERSION:
            return self.model.integer(_VERSION, "I")
        place = self.table_at + 4 + 4 * number
        if number == _BUFFERS:
            return self.buffers_at - place
        if number == _METADATA:
            return self.entries_at - place
        if number not in self.model.present:
            return 0
        return self.size + self.model.span(number)[0] - 4 - place

    def _list(self, at: int, old: list[int], new: list[int]) -> bytes:
        places = [self.size + position for position in old] + new
        offsets = [target - (at + 4 + 4 * index) for index, target in enumerate(places)]
        return struct.pack(f"<I{len(places)}I", len(places), *offsets)


def _up(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
