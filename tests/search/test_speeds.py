from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge.errors import DataError
from cnnedge.search.speeds import from_document
from tests.support.documents import document
from tests.support.searches import trial

HERE = Path("pi.json")


def test_latencies_are_those_of_the_boards_files_made_in_the_same_way():
    board = document()
    p50 = {row.file: row.p50_ms for row in board.rows}
    trials = (trial("int8", 100), trial("int8", 100, ranges="mse"), trial("float16", 200))
    qat = replace(trial("int8", 100, method="qat"), format="onnx")
    found = from_document((*trials, qat), board, HERE)
    assert [one.p50_ms for one in found] == [
        p50["net_int8.tflite"], p50["net_int8.tflite"], None, p50["net_int8_qat.onnx"],
    ]  # fmt: skip


def test_a_board_without_such_files_is_no_help():
    with pytest.raises(DataError, match=r"pi\.json has no latency of any candidate's format and precision"):
        from_document((trial("float16", 200),), document(), HERE)
