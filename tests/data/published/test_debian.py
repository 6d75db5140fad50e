"""The real dpkg-deb on a package built here, which a program in apt-get's place brings."""

import gzip
import hashlib
import shutil
import subprocess

import pytest

from cnnedge.data.published.debian import DebianPackage
from cnnedge.data.published.parse import mnist_idx_gz
from cnnedge.data.published.sources import SourceFailed
from cnnedge.progress import silent
from tests.support.raw_datasets import few_digits, idx_files

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no Debian: dpkg-deb is not installed")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package, and what its apt-get does in its place if told."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: digits\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: d\n"
    )
    (tree / "data").mkdir()
    for name, content in idx_files().items():
        (tree / "data" / f"{name}.gz").write_bytes(gzip.compress(content))
    built = tmp_path / "digits.deb"
    subprocess.run(["dpkg-deb", "-b", tree, built], check=True, capture_output=True)

    def made(script: str = f"cp {built} digits_1_all.deb") -> DebianPackage:
        (tmp_path / "bin").mkdir(exist_ok=True)
        apt = tmp_path / "bin" / "apt-get"
        apt.write_text(f"#!/bin/sh\n{script}\n")
        apt.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        sha256 = hashlib.sha256(built.read_bytes()).hexdigest()
        return DebianPackage("digits=1", sha256, "data", mnist_idx_gz)

    return made


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_package_is_fetched_unpacked_and_decoded(package, scratch):
    arrays = package().fetch(scratch, silent)
    assert all((arrays[name] == expected).all() for name, expected in few_digits().items())


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'E: Unable to locate package digits' >&2; exit 100", "Unable to locate package digits"),
        ("echo other > digits_1_all.deb", "SHA-256 is not the published one"),
        ("true", "apt-get left 0 archives, expected one"),
    ],
)
def test_what_goes_wrong_is_the_reason(script, reason, package, scratch):
    with pytest.raises(SourceFailed, match=reason):
        package(script).fetch(scratch, silent)
