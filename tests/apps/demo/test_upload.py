"""What a phone may post: the right thing is kept, once; everything else is refused with its reason."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge import __version__
from cnnedge.apps.demo.offer import make_offer
from cnnedge.apps.demo.upload import receive
from cnnedge.documents.browser_run import BrowserRun, require_run
from cnnedge.errors import DataError
from cnnedge.records import from_json
from tests.support.posted import posted

FILE = Path(__file__).parents[3] / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"


@pytest.fixture(scope="module")
def offer():
    return make_offer([FILE])


def body(run: dict) -> bytes:
    return json.dumps(run).encode()


def test_figures_are_kept_with_the_laptops_time(offer, tmp_path):
    path = receive(body(posted(offer)), offer, tmp_path)
    assert path == tmp_path / "my-phone.json"
    run = require_run(path)
    assert run.at > "2026" and run.cnnedge == __version__
    assert run == replace(from_json(BrowserRun, posted(offer)), at=run.at, cnnedge=run.cnnedge)


def test_the_same_device_replaces_its_own_and_another_does_not(offer, tmp_path):
    run = posted(offer)
    first = receive(body(run), offer, tmp_path)
    run["rows"][0]["latency_ms"]["p99"] = 9.0
    assert receive(body(run), offer, tmp_path) == first
    assert [row.latency_ms.p99 for row in require_run(first).rows] == [9.0]
    assert receive(body(run | {"id": "f" * 16}), offer, tmp_path) == tmp_path / "my-phone-2.json"
    (tmp_path / "their.json").write_text("theirs")
    assert receive(body(run | {"device": "their"}), offer, tmp_path) == tmp_path / "their-2.json"
    assert (tmp_path / "their.json").read_text() == "theirs"


def test_what_a_device_measured_of_other_files_stays(offer, tmp_path):
    """Unless its browser became another meanwhile, for a run has one."""
    other = make_offer([FILE.with_name("mnist-tiny_int8_qat.tflite")])
    receive(body(posted(offer)), offer, tmp_path)
    path = receive(body(posted(other)), other, tmp_path)
    assert [row.file for row in require_run(path).rows] == [FILE.name, "mnist-tiny_int8_qat.tflite"]
    receive(body(posted(offer) | {"user_agent": "Mozilla/6.0"}), offer, tmp_path)
    assert [row.file for row in require_run(path).rows] == [FILE.name]


def changed(offer, *path, value) -> bytes:
    run = copy.deepcopy(posted(offer))
    place = run
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body(run)


def curve(**changes) -> dict:
    return {"at_s": [0, 1, 2], "p50_ms": [1, 1, 1], "p90_ms": [2, 2, 2], "runs": 900} | changes


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("device",), "", "the device's name has 0 letters"),
        (("device",), "x" * 61, "the device's name has 61 letters"),
        (("id",), "../../etc/passwd", "its id is none"),
        (("schema",), 1, "it is no run in a browser of schema 2"),
        (("kind",), "report", "it is no run in a browser of schema 2"),
        (("at",), "x" * 41, "text that is too long"),
        (("cores",), -1, "it has -1 cores"),
        (("rows",), [], "it has no rows"),
        (("rows", 0, "sha256"), "0" * 64, "is not among the files of this page"),
        (("rows", 0, "latency_ms", "p50"), -1.0, "percentiles that do not rise"),
        (("rows", 0, "latency_ms", "p50"), "fast", "expected a number"),
        (("rows", 0, "latency_ms", "mean"), 1e9, "figures outside 0 to 1e+07"),
        (("rows", 0, "latency_ms"), None, "neither figures nor an error"),
        (("rows", 0, "check", "same"), 9, "impossible counts"),
        (("rows", 0, "check", "largest_difference"), 2.0, "a difference that is none of probabilities"),
        (("rows", 0, "runtime"), "x" * 301, "text that is too long"),
        (("rows", 0, "load_ms"), True, "expected a number"),
        (("rows", 0, "sustained"), curve(at_s=[0, 1]), "a curve of impossible lengths"),
        (("rows", 0, "sustained"), curve(at_s=[2, 1, 0]), "a curve that runs backwards"),
        (("rows", 0, "sustained"), curve(p50_ms=[0, 1, 1]), "a curve of impossible lengths or times"),
    ],
)
def test_what_cannot_be_is_refused(offer, tmp_path, path, value, message):
    with pytest.raises(DataError, match=message.replace("+", r"\+")):
        receive(changed(offer, *path, value=value), offer, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"schema": 1}', b"null"])
def test_what_is_no_run_is_refused(offer, tmp_path, content):
    with pytest.raises(DataError, match="these are no figures of the page"):
        receive(content, offer, tmp_path)


def test_infinity_is_no_number(offer, tmp_path):
    run = posted(offer)
    run["rows"][0]["first_ms"] = float("inf")
    with pytest.raises(DataError, match=r"rows\[0\].first_ms is inf, expected a number"):
        receive(body(run), offer, tmp_path)
