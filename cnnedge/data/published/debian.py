"""A source in the Debian archive, fetched with the ``apt-get`` client and unpacked with ``dpkg-deb``; nothing is
installed, and no rights are needed."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.published.parse import Arrays, Decoder
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import Progress

# 31 MB at 0.6 Mbit/s.
SECONDS = 600.0
_OPTIONS = ("-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "APT::Sandbox::User=root")


@dataclass(frozen=True)
class DebianPackage:
    """``package`` is ``name=version`` and ``sha256`` the archive's; the files that ``decode`` takes lie below
    ``inside``."""

    package: str
    sha256: str
    inside: str
    decode: Decoder
    seconds: float = SECONDS

    @property
    def kind(self) -> str:
        return "Debian archive"

    @property
    def where(self) -> str:
        return f"Debian package {self.package}"

    def fetch(self, folder: Path, progress: Progress) -> Arrays:
        """See ``Source.fetch``."""
        progress(f"download {self.package} with apt-get", 0, 0)
        archive = self._downloaded(folder)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != self.sha256:
            raise SourceFailed("the archive's SHA-256 is not the published one")
        self._run(folder, "dpkg-deb", "-x", archive.name, "unpacked")
        with malformed_content_fails():
            return self.decode(folder / "unpacked" / self.inside, progress)

    def _downloaded(self, folder: Path) -> Path:
        self._run(folder, "apt-get", *_OPTIONS, "download", self.package)
        archives = list(folder.glob("*.deb"))
        if len(archives) != 1:
            raise SourceFailed(f"apt-get left {len(archives)} archives, expected one")
        return archives[0]

    def _run(self, folder: Path, program: str, *words: str) -> None:
        if shutil.which(program) is None:
            raise SourceFailed(f"{program} is not installed")
        try:
            done = subprocess.run(
                [program, *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=self.seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SourceFailed(f"{program} did not finish in {self.seconds:g} s") from None
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "")
            raise SourceFailed(said.removeprefix("E:").strip() or f"{program} ended with status {done.returncode}")
