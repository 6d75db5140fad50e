"""A source on the web: files of known hashes below one address, fetched with pooch."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cnnedge.datasets.archive import unpack
from cnnedge.datasets.decode import Arrays, Decoder
from cnnedge.datasets.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import Progress

# Many networks let nothing through but a package registry and drop the rest without an answer; two seconds are
# several round trips to anywhere.
CONNECT_SECONDS = 2.0
# Between two chunks, not for the whole file.
READ_SECONDS = 15.0


@dataclass(frozen=True)
class WebFolder:
    """``files`` maps each file name below ``address`` to its SHA-256. If ``members`` is given, the one file is a
    ``.tar.gz`` and ``decode`` gets a folder with those members, at most ``max_bytes`` in all."""

    address: str
    files: dict[str, str]
    decode: Decoder
    members: tuple[str, ...] = ()
    max_bytes: int = 0
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    retries: int = 1

    @property
    def kind(self) -> str:
        return "canonical address"

    @property
    def where(self) -> str:
        return self.address

    def fetch(self, folder: Path, progress: Progress) -> Arrays:
        """See ``Source.fetch``."""
        for name in self.files:
            self._download(name, folder, progress)
        with malformed_content_fails():
            if self.members:
                unpack(folder / next(iter(self.files)), self.members, folder, max_bytes=self.max_bytes)
            return self.decode(folder, progress)

    def _download(self, name: str, folder: Path, progress: Progress) -> None:
        import pooch
        import requests

        # pooch announces every step on standard error; this package reports through ``progress``.
        pooch.get_logger().setLevel(logging.ERROR)
        downloads = pooch.create(folder, self.address, registry=self.files, retry_if_failed=self.retries)
        downloader = pooch.HTTPDownloader(
            timeout=(self.connect_seconds, self.read_seconds),
            progressbar=_Bar(f"download {name}", progress),
        )
        try:
            downloads.fetch(name, downloader=downloader)
        except requests.RequestException as error:
            raise SourceFailed(f"{name}: {_reason(error)}") from error
        except ValueError as error:  # how pooch says that the hash differs
            raise SourceFailed(f"{name}: its SHA-256 is not the published one") from error


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "could not connect"
    return type(error).__name__


class _Bar:
    """What pooch expects of a progress bar, handed on as ``progress(stage, done, total)`` in bytes."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self.stage = stage
        self.progress = progress
        self.total = 0
        self.done = 0

    def update(self, count: int) -> None:
        # pooch counts whole chunks, so that the last one goes past the end.
        self.done = min(self.done + count, self.total) if self.total else self.done + count
        self.progress(self.stage, self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing to release."""
