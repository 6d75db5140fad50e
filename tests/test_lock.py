"""Two processes and one folder."""

import subprocess
import sys

import pytest

from cnnedge.errors import CnnedgeError
from cnnedge.lock import alone_in, refuse_held

HOLD = """
import sys
from pathlib import Path
from cnnedge.lock import alone_in
with alone_in(Path(sys.argv[1]), "training"):
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
    with pytest.raises(CnnedgeError, match=refusal), alone_in(tmp_path, "training"):
        pass
    with pytest.raises(CnnedgeError, match=refusal):
        refuse_held(tmp_path, "training")
    holder.communicate("")
    refuse_held(tmp_path, "training")
    with (
        alone_in(tmp_path, "training"),
        alone_in(tmp_path, "training"),
    ):  # a caller may hold it already
        refuse_held(tmp_path, "training")
        assert (tmp_path / ".training.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".training.lock").exists()
    with alone_in(tmp_path, "training"):
        pass
    assert list(tmp_path.iterdir()) == []
