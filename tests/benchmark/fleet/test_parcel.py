"""What goes to a board: plain members of nobody, and a script that quotes what people call their files."""

import os
import shlex
import subprocess
import sys
import tarfile

import pytest

from cnnedge.benchmark.fleet.parcel import Parcel
from cnnedge.errors import UsageError


def test_a_board_unpacks_it_answers_and_keeps_nothing(tmp_path):
    """The script as a shell of this machine runs it, with a command that tells what it was given."""
    model, photos = tmp_path / "it's a model.tflite", tmp_path / "photos; rm -r x"
    model.write_text("model")
    photos.mkdir()
    (photos / "1.png").write_text("picture")
    parcel = Parcel([model], str(photos), ["--limit", "5"])
    parcel.write(tmp_path / "parcel.tar")
    with tarfile.open(tmp_path / "parcel.tar") as archive:
        names = {member.name: (member.uid, member.uname) for member in archive}
    assert names == dict.fromkeys(
        ("files/it's a model.tflite", "data/photos; rm -r x", "data/photos; rm -r x/1.png"), (0, "")
    )
    (tmp_path / "tell.py").write_text(
        "import json, pathlib, sys\n"
        "pathlib.Path(sys.argv[-1]).write_text(json.dumps([*sys.argv[1:], pathlib.Path(sys.argv[2]).read_text()]))\n"
        "print('said'); sys.exit(3)\n"
    )
    (tmp_path / "board").mkdir()
    archive = (tmp_path / "parcel.tar").read_bytes()
    script = parcel.script(shlex.join([sys.executable, str(tmp_path / "tell.py")]), len(archive))
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"TMPDIR": str(tmp_path / "board"), "PATH": os.environ["PATH"]},
    ) as board:  # fmt: skip
        board.stdin.write(archive)
        board.stdin.flush()  # and it stays open: somebody waits
        answer, said = board.stdout.read(), board.stderr.read()
    assert board.returncode == 3 and said == b"said\n"
    assert answer.decode() == (
        '["benchmark", "files/it\'s a model.tflite", "--data", "data/photos; rm -r x", "--limit", "5", "--json", '
        '"answer.json", "model"]'
    )
    assert list((tmp_path / "board").iterdir()) == []


def test_a_name_of_a_dataset_stays_one_and_files_of_one_name_are_refused(tmp_path):
    assert "benchmark files/a.tflite --data mnist --json" in Parcel([tmp_path / "a.tflite"], "mnist", []).script("c", 5)
    with pytest.raises(UsageError, match=r"two of the files are called a\.onnx"):
        Parcel([tmp_path / "a.onnx", tmp_path / "b" / "a.onnx"], None, [])
