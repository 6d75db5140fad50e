"""Two processes and one folder."""

import subprocess
import sys

import pytest

from cnnedge.errors import CnnedgeError
from cnnedge.training.lock import NAME, only_training_in

HOLD = """
import sys
from pathlib import Path
from cnnedge.training.lock import only_training_in
with only_training_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_other_process_is_named_until_it_ends(holder, tmp_path):
    refusal = rf"process {holder.pid} is training in .*: wait until it ends, stop it, or choose another --out"
    with pytest.raises(CnnedgeError, match=refusal), only_training_in(tmp_path):
        pass
    holder.communicate("")
    with only_training_in(tmp_path), only_training_in(tmp_path):  # who calls a training may hold its folder already
        assert (tmp_path / NAME).exists()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / NAME).exists()
    with only_training_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
