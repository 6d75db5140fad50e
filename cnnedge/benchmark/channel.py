"""Messages between the benchmark and its worker processes: JSON with its length in front, over a pipe.

A worker runs native code on files of unknown origin, so nothing it sends is trusted: a message has a
largest size, must be a JSON object, and must come before a deadline. Native libraries print to standard
output and error as they like; the messages have pipes of their own.
"""

import json
import os
import select
import struct
import time
from typing import Any

# A turn of 100,000 samples in nanoseconds is about 1 MB; nothing that is sent is larger.
MAX_BYTES = 4_000_000
_LENGTH = struct.Struct(">I")

# A JSON object: what may stand in it is for the two that talk to say.
Message = dict[str, Any]


class ChannelClosed(Exception):
    """The other side closed its end: it has ended, whatever the reason."""


class ChannelTimeout(Exception):
    """The other side did not answer in time."""


class ChannelDamaged(Exception):
    """What came is no message."""


def send(descriptor: int, message: Message) -> None:
    """Write one message.

    Raises:
        ChannelClosed: nobody reads the other end any more.
        ValueError: the message is longer than a message may be, or holds what JSON cannot (NaN).
    """
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > MAX_BYTES:
        raise ValueError(f"a message of {len(body):,} bytes, expected at most {MAX_BYTES:,}")
    view = memoryview(_LENGTH.pack(len(body)) + body)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        raise ChannelClosed from None


def receive(descriptor: int, seconds: float | None = None) -> Message:
    """Read one message; wait for it at most ``seconds`` (for ever if None).

    Raises:
        ChannelClosed, ChannelTimeout, ChannelDamaged: see there.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, deadline))
    if length > MAX_BYTES:
        raise ChannelDamaged(f"a message of {length:,} bytes was announced, expected at most {MAX_BYTES:,}")
    body = _read(descriptor, length, deadline)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ChannelDamaged(f"a message is not JSON ({error})") from None
    if not isinstance(message, dict):
        raise ChannelDamaged(f"a message is {type(message).__name__}, expected an object")
    return message


def _read(descriptor: int, count: int, deadline: float | None) -> bytes:
    pieces: list[bytes] = []
    while count:
        remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([descriptor], [], [], remaining)[0]:
            raise ChannelTimeout
        piece = os.read(descriptor, count)
        if not piece:
            raise ChannelClosed
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
