"""A reader of the protobuf wire format that checks every length before it follows it.

https://protobuf.dev/programming-guides/encoding: a message is a run of fields, each a varint key (number * 8
+ wire type) and a value: a varint (0), 8 bytes (1), a length and that many bytes (2), or 4 bytes (5).
"""

from cnnedge.errors import ModelError

_FIXED = {1: 8, 5: 4}
# A varint holds 64 bits, 7 to a byte.
_LONGEST_VARINT = 10


# A field takes 150 bytes when read, and a number of a list 30. NASNet, the largest of common classifiers, has 60,000.
MOST_FIELDS = 1_000_000


class Budget:
    """How many fields and numbers of lists may still be read of a file."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_FIELDS

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ModelError(f"it has over {MOST_FIELDS:,} fields, expected a classifier's")


class Message:
    """One message, ``content[start:end]``, split into fields; messages inside it are split when asked for."""

    __slots__ = ("_fields", "budget", "content", "size")

    def __init__(self, content: bytes, start: int = 0, end: int | None = None, budget: Budget | None = None) -> None:
        self.content, self.budget = content, budget or Budget()
        self.size = (len(content) if end is None else end) - start
        self._fields: dict[int, list[tuple[int, int, int]]] = {}
        position, end = start, len(content) if end is None else end
        while position < end:
            key, position = _varint(content, position, end)
            wire, first = key & 7, position
            if wire == 0:
                first, position = _varint(content, position, end)
            elif wire == 2:
                length, first = _varint(content, position, end)
                position = first + length
            elif wire in _FIXED:
                position += _FIXED[wire]
            else:
                raise ModelError(f"byte {first:,} holds a field of wire type {wire}, which protobuf does not have")
            if position > end:
                raise ModelError(f"a field at byte {first:,} reaches beyond its message")
            self.budget.spend(1)
            self._fields.setdefault(key >> 3, []).append((wire, first, position))

    def integer(self, number: int, default: int = 0) -> int:
        """A varint field; protobuf lets the last one count."""
        found = [first for wire, first, _ in self._fields.get(number, ()) if wire == 0]
        return _signed(found[-1]) if found else default

    def integers(self, number: int) -> tuple[int, ...]:
        """A repeated varint field, packed or not."""
        values: list[int] = []
        for wire, first, end in self._fields.get(number, ()):
            if wire == 0:
                values.append(_signed(first))
            while wire == 2 and first < end:
                value, first = _varint(self.content, first, end)
                self.budget.spend(1)
                values.append(_signed(value))
        return tuple(values)

    def spans(self, number: int) -> list[tuple[int, int]]:
        """Start and end of each value of a field that holds bytes, text or messages."""
        return [(first, end) for wire, first, end in self._fields.get(number, ()) if wire == 2]

    def count(self, number: int) -> int:
        return len(self._fields.get(number, ()))

    def texts(self, number: int) -> tuple[str, ...]:
        try:
            return tuple(self.content[first:end].decode("utf-8") for first, end in self.spans(number))
        except UnicodeDecodeError:
            raise ModelError(f"a text of field {number} is not UTF-8") from None

    def text(self, number: int) -> str:
        found = self.texts(number)
        return found[-1] if found else ""

    def messages(self, number: int) -> list["Message"]:
        return [Message(self.content, first, end, self.budget) for first, end in self.spans(number)]

    def message(self, number: int) -> "Message | None":
        found = self.messages(number)
        return found[-1] if found else None


def _varint(content: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if position >= end:
            raise ModelError(f"a number at byte {position:,} reaches beyond its message")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, position
    raise ModelError(f"a number at byte {position:,} is longer than {_LONGEST_VARINT} bytes")


def _signed(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value
