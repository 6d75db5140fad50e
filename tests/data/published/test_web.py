"""Downloads from a real server on this machine that answers well, badly, or not at all."""

import socket

import pytest

from cnnedge.data.published.download import fetch
from cnnedge.data.published.sources import SourceFailed
from cnnedge.data.published.web import WebFolder
from cnnedge.progress import silent
from tests.support import raw_datasets
from tests.support.raw_datasets import cached_files, few_digits, files_below, gz_files, serving, spec_of, web_source

BAD_ANSWERS = [
    pytest.param(raw_datasets.cut_off, "the connection broke off", id="cut-off"),
    pytest.param(raw_datasets.short, "its SHA-256 is not the published one", id="short"),
    pytest.param(raw_datasets.tampered, "its SHA-256 is not the published one", id="tampered"),
    pytest.param(raw_datasets.stalled, "no answer in time", id="stalled"),
    pytest.param(raw_datasets.missing, "HTTP status 404", id="missing"),
]


def test_good_files_are_decoded_with_progress_in_bytes(tmp_path):
    reports = []
    with serving(gz_files()) as address:
        arrays = web_source(address).fetch(tmp_path, lambda *report: reports.append(report))
    assert all((arrays[name] == expected).all() for name, expected in few_digits().items())
    for name, content in gz_files().items():
        assert (f"download {name}", len(content), len(content)) in reports


@pytest.mark.parametrize(("answer", "reason"), BAD_ANSWERS)
def test_bad_answer_is_a_failure_that_leaves_no_file_under_its_name(tmp_path, answer, reason):
    with serving(gz_files(), answer) as address, pytest.raises(SourceFailed, match=reason):
        web_source(address).fetch(tmp_path, silent)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(("answer", "reason"), BAD_ANSWERS)
def test_next_source_is_used_after_a_bad_answer(tmp_path, answer, reason):
    with serving(gz_files(), answer) as bad, serving(gz_files()) as good:
        arrays, source = fetch(spec_of(web_source(bad), web_source(good)), tmp_path)
    assert source == "canonical address"
    assert (arrays["x_train"] == few_digits()["x_train"]).all()
    assert files_below(tmp_path) == cached_files()


def test_second_attempt_mends_a_broken_connection(tmp_path):
    answers, reports = iter([raw_datasets.cut_off]), []
    with serving(gz_files(), lambda *call: next(answers, raw_datasets.well)(*call)) as address:
        arrays = web_source(address, retries=1).fetch(tmp_path, lambda *report: reports.append(report))
    assert (arrays["y_test"] == few_digits()["y_test"]).all()
    # The bar begins again with the second attempt: pooch's first chunk of 1,024 bytes is reported twice.
    name = "train-images-idx3-ubyte.gz"
    assert reports.count((f"download {name}", 1024, len(gz_files()[name]))) == 2


def test_nobody_listening_is_could_not_connect(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(SourceFailed, match=r"train-images-idx3-ubyte\.gz: could not connect"):
            web_source(address).fetch(tmp_path, silent)


def test_address_without_a_slash_is_refused():
    with pytest.raises(ValueError, match="does not end in a slash"):
        WebFolder("http://127.0.0.1", {}, lambda folder, progress: {})
