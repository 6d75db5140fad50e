"""A reader of FlatBuffers that checks every offset before it follows it.

The container is described at https://flatbuffers.dev/internals: a table starts with the distance back to its
vtable, which lists where each field lies (0: absent); vectors and strings start with their length; every
offset to a table, vector or string points forward. All numbers are little-endian.

The reader never trusts the file: whatever lies outside it raises ModelError, and so does a file whose lists share
their content so often that reading all of it would take more than a budget made for the whole file.
"""

import struct

import numpy as np

from cnnedge.errors import ModelError

_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")


class Damaged(ModelError):
    """An offset, a length or a value inside the file cannot be."""


# Tables and lists are a small part of a real file: 0.3 MB of NASNet's 90 MB. Numbers read take ten times their bytes.
LARGEST_STRUCTURE = 2**24
# Writers let tables share their descriptions and equal texts, so that reading may meet a byte more than once.
_SHARED = 4


class Budget:
    """How many bytes of tables, lists and texts may still be read, each time that they are."""

    __slots__ = ("left",)

    def __init__(self, content: bytes) -> None:
        self.left = min(_SHARED * len(content) + 1024, LARGEST_STRUCTURE)

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Damaged(
                "its tables and lists are larger than those of any model, or share their content over and over"
            )


class Table:
    """One table of a flatbuffer. Fields are numbered in the order of the schema, from 0."""

    __slots__ = ("_fields", "budget", "content", "position")

    def __init__(self, content: bytes, position: int, budget: Budget) -> None:
        self.content, self.position, self.budget = content, position, budget
        vtable = position - _read(_I32, content, position)
        vtable_bytes, table_bytes = _read(_U16, content, vtable), _read(_U16, content, vtable + 2)
        if vtable_bytes < 4 or vtable_bytes % 2 or table_bytes < 4 or position + table_bytes > len(content):
            raise Damaged(f"a table at byte {position:,} does not fit its own description")
        budget.spend(table_bytes + vtable_bytes)
        if vtable + vtable_bytes > len(content):
            raise Damaged(f"the description at byte {vtable:,} reaches beyond the end")
        self._fields = struct.unpack_from(f"<{vtable_bytes // 2 - 2}H", content, vtable + 4)
        if any(field >= table_bytes or 0 < field < 4 for field in self._fields):
            raise Damaged(f"a field of the table at byte {position:,} lies outside it")

    @property
    def present(self) -> tuple[int, ...]:
        """The numbers of the fields that are there."""
        return tuple(number for number, offset in enumerate(self._fields) if offset)

    def field(self, number: int) -> int | None:
        """Where field ``number`` lies in the file, or None if it is absent."""
        if number >= len(self._fields) or not self._fields[number]:
            return None
        return self.position + self._fields[number]

    def scalar(self, number: int, code: str, default: int | float = 0) -> int | float:
        """A number of ``struct`` type ``code``."""
        position = self.field(number)
        return default if position is None else _read(struct.Struct("<" + code), self.content, position)

    def integer(self, number: int, code: str, default: int = 0) -> int:
        return int(self.scalar(number, code, default))

    def span(self, number: int, item_bytes: int = 1) -> tuple[int, int]:
        """Start and item count of a vector; ``(0, 0)`` if it is absent."""
        position = self.field(number)
        if position is None:
            return 0, 0
        start = _follow(self.content, position)
        count = _read(_U32, self.content, start)
        if start + 4 + count * item_bytes > len(self.content):
            raise Damaged(f"a list at byte {start:,} claims {count:,} items, beyond the end")
        return start + 4, count

    def numbers(self, number: int, dtype: str) -> tuple:
        """A vector of numbers of numpy type ``dtype``, such as ``<i4``."""
        start, count = self.span(number, np.dtype(dtype).itemsize)
        self.budget.spend(count * np.dtype(dtype).itemsize)
        return tuple(np.frombuffer(self.content, dtype, count, start).tolist())

    def text(self, number: int) -> str:
        """A string: UTF-8, ending with a zero byte, since native code reads up to one."""
        start, count = self.span(number)
        self.budget.spend(count)
        if start and (start + count >= len(self.content) or self.content[start + count] != 0):
            raise Damaged(f"a text at byte {start:,} has no end")
        try:
            return self.content[start : start + count].decode("utf-8")
        except UnicodeDecodeError:
            raise Damaged(f"a text at byte {start:,} is not UTF-8") from None

    def table(self, number: int) -> "Table | None":
        position = self.field(number)
        return None if position is None else Table(self.content, _follow(self.content, position), self.budget)

    def tables(self, number: int) -> list["Table"]:
        start, count = self.span(number, 4)
        self.budget.spend(4 * count)
        places = range(start, start + 4 * count, 4)
        return [Table(self.content, _follow(self.content, place), self.budget) for place in places]


def root(content: bytes) -> Table:
    """The table that the file starts from."""
    return Table(content, _follow(content, 0), Budget(content))


def _follow(content: bytes, position: int) -> int:
    target = position + _read(_U32, content, position)
    # Every writer aligns tables and lengths to their 4-byte numbers, and native code relies on it.
    if target == position or target % 4 or target + 4 > len(content):
        raise Damaged(f"an offset at byte {position:,} points to byte {target:,} of {len(content):,}")
    return target


def _read(kind: struct.Struct, content: bytes, position: int) -> int:
    if position < 0 or position + kind.size > len(content):
        raise Damaged(f"byte {position:,} is read, of {len(content):,}")
    return kind.unpack_from(content, position)[0]
