import os
import struct
import threading

import pytest

from cnnedge.benchmark import channel


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_messages_arrive_whole_and_in_order(pipe):
    reader, writer = pipe
    sent = [{"do": "open", "text": "Ä" * 5_000}, {}]
    for message in sent:
        channel.send(writer, message)
    assert [channel.receive(reader, 1), channel.receive(reader, 1)] == sent


def test_silence_ends_after_the_time_given(pipe):
    with pytest.raises(channel.ChannelTimeout):
        channel.receive(pipe[0], 0.05)


def test_half_a_message_ends_after_the_time_given(pipe):
    os.write(pipe[1], struct.pack(">I", 100) + b"{")
    with pytest.raises(channel.ChannelTimeout):
        channel.receive(pipe[0], 0.05)


def test_a_closed_end_is_told(pipe):
    reader, writer = pipe
    os.close(writer)
    with pytest.raises(channel.ChannelClosed):
        channel.receive(reader, 1)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(struct.pack(">I", 2**31), "was announced", id="too long"),
        pytest.param(struct.pack(">I", 3) + b"\xff\xfe\x00", "is not JSON", id="no text"),
        pytest.param(struct.pack(">I", 2) + b"[]", "is list, expected an object", id="no object"),
        pytest.param(struct.pack(">I", 100_000) + b"[" * 100_000, "is not JSON", id="too deep"),
    ],
)
def test_nonsense_is_refused(raw, reason):
    reader, writer = os.pipe()
    # A pipe holds 64 KiB: the long one needs a writer beside the reader.
    writing = threading.Thread(target=os.write, args=(writer, raw))
    writing.start()
    with pytest.raises(channel.ChannelDamaged, match=reason):
        channel.receive(reader, 5)
    writing.join()


def test_what_json_cannot_hold_is_not_sent(pipe):
    with pytest.raises(ValueError, match="Out of range"):
        channel.send(pipe[1], {"value": float("nan")})
    with pytest.raises(ValueError, match="expected at most"):
        channel.send(pipe[1], {"value": "x" * (channel.MAX_BYTES + 1)})
