"""``cnnedge fleet`` against real ssh servers of this machine: two boards that measure, and others that cannot."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from cnnedge.cli.app import run
from tests.support import boards, models


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    reason = boards.why_not()
    if reason:
        pytest.skip(reason)
    with boards.boards(tmp_path_factory.mktemp("ssh")) as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model and twelve pictures of each of its classes."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "colours.onnx").write_bytes(models.with_passport(models.colours_onnx()))
    for name in models.COLOURS:
        (folder / "my photos" / name).mkdir(parents=True)
        for number in range(12):
            picture = models.colour_picture(name) - number
            Image.fromarray(picture).save(folder / "my photos" / name / f"{number}.png")
    return folder


def test_boards_are_measured_side_by_side_and_failed_ones_named(reached, files, tmp_path, capsys):
    hosts, out, page = tmp_path / "boards.txt", tmp_path / "fleet.json", tmp_path / "fleet.html"
    hosts.write_text(
        f"# the kitchen\none  {boards.CNNEDGE}\nstranger\n\nchanged\naway\nshut\ntwo {boards.CNNEDGE}\n"
    )  # fmt: skip
    words = ["fleet", str(hosts), str(files / "colours.onnx"), "--data", str(files / "my photos"), "--ssh", reached.ssh]
    assert run([*words, "--num-runs", "4", "--json", str(out), "--report", str(page)]) == 1
    said = capsys.readouterr()
    failed = dict(re.findall(r"^failed: (\w+): (.*)$", said.out, re.MULTILINE))
    assert failed["stranger"] == (
        "its host key is not known here: connect once by hand (ssh stranger) and compare the fingerprint"
    )
    assert failed["changed"].startswith("its host key has changed: ")
    assert failed["away"] == f"ssh: connect to host 127.0.0.1 port {reached.ports['away']}: Connection refused"
    assert failed["shut"] == "ssh is not let in without a password: ssh-copy-id shut puts your key there"
    assert said.err.splitlines()[-1] == "error: no figures of stranger, changed, away, shut: see above why"
    written = json.loads(out.read_text())
    assert written["schema"] == 1
    found = {board["host"]: board for board in written["boards"]}
    assert list(found) == ["one", "stranger", "changed", "away", "shut", "two"]
    assert {host: board["error"] for host, board in found.items() if board["error"]} == failed
    for host in ("one", "two"):
        (row,) = found[host]["benchmark"]["rows"]
        assert (row["file"], row["top1"], row["error"]) == ("colours.onnx", 1.0, None)
        assert row["latency_ms"]["runs"] == 4
        assert f": {host}, " in said.out
    assert found["one"]["benchmark"]["data"]["sha256"] == found["two"]["benchmark"]["data"]["sha256"]
    text = page.read_text()
    assert "1. one: " in text and "2. two: " in text and "away has no figures:" in text
    assert run(["report", str(out)]) == 0 and "p50 ms on 2" in capsys.readouterr().out


def test_a_board_without_cnnedge_or_with_another_answer_is_named(reached, files, tmp_path, capsys):
    hosts = tmp_path / "boards.txt"
    hosts.write_text("one /nowhere/cnnedge\ntwo printf '{\"schema\":7}' > answer.json; true\n")
    words = ["fleet", str(hosts), str(files / "colours.onnx"), "--ssh", reached.ssh]
    assert run([*words, "--json", str(tmp_path / "out.json")]) == 1
    failed = dict(re.findall(r"^failed: (\w+): (.*)$", capsys.readouterr().out, re.MULTILINE))
    assert failed["one"] == "/nowhere/cnnedge is not there: install cnnedge, or write its path behind one"
    assert failed["two"] == (
        "what it measured is not a benchmark document of schema 1: run cnnedge benchmark again; is its cnnedge of this "
        "version?"
    )
    assert not (tmp_path / "out.json").exists()


def has_ended(process: psutil.Process) -> bool:
    """Whether or not its parent has seen it yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_ctrl_c_keeps_what_is_measured_and_leaves_nothing_on_a_board(reached, files, tmp_path):
    hosts, out, place = tmp_path / "boards.txt", tmp_path / "fleet.json", tmp_path / "place"
    hosts.write_text(f"one {boards.CNNEDGE}\ntwo sh -c 'echo $$ $(pwd) > {place}; exec sleep 600'\n")
    words = ["fleet", str(hosts), str(files / "colours.onnx"), "--data", str(files / "my photos"), "--num-runs", "4"]
    with subprocess.Popen(
        [sys.executable, "-m", "cnnedge", *words, "--ssh", reached.ssh, "--json", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as command:  # fmt: skip
        calls = []
        while len(calls) < 2 or not any(map(has_ended, calls)):
            calls = calls if len(calls) == 2 else psutil.Process(command.pid).children()
            time.sleep(0.01)
            assert command.poll() is None
        time.sleep(0.5)  # ten of its looks
        process, folder = place.read_text().split()
        assert Path(folder).exists() and psutil.pid_exists(int(process))
        command.send_signal(signal.SIGINT)
        said = command.stderr.read()
    assert command.returncode == 1 and said.splitlines()[-1] == "error: no figures of two: see above why"
    one, two = json.loads(out.read_text())["boards"]
    assert one["benchmark"]["rows"][0]["top1"] == 1.0
    assert two["error"] == "interrupted before it had answered"
    for _ in range(300):  # the board notices it by itself
        if not Path(folder).exists():
            break
        time.sleep(0.1)
    assert not Path(folder).exists() and not psutil.pid_exists(int(process))


@pytest.mark.parametrize(
    ("text", "more", "code", "message"),
    [
        ("", [], 2, "boards.txt names no host: expected a line each, such as pi@192.168.1.20"),
        ("one\ntwo\none\n", [], 2, "names one twice"),
        ("-oProxyCommand=touch\n", [], 2, "'-oProxyCommand=touch' is an option of ssh, expected a host"),
        ("one\n", ["--ssh", "no-such-ssh"], 1, "no-such-ssh cannot be started (No such file or directory)"),
        ("one\n", ["--ssh", " "], 2, "--ssh is empty"),
    ],
)
def test_wrong_requests_are_one_line(files, tmp_path, capsys, text, more, code, message):
    hosts = tmp_path / "boards.txt"
    hosts.write_text(text)
    assert run(["fleet", str(hosts), str(files / "colours.onnx"), *more]) == code
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert message in line
