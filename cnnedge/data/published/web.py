"""A source on the web: files of known hashes below one address, fetched with pooch."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.published.parse import Arrays, Decoder
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from cnnedge.progress import Progress

# Many networks let nothing through but a package registry and drop the rest without an answer; two seconds
# are several round trips to anywhere on earth.
CONNECT_SECONDS = 2.0
# The longest silence between two pieces of a file, not the time for the whole file.
READ_SECONDS = 15.0


@dataclass(frozen=True)
class WebFolder:
    """The files below ``address`` (it ends in a slash); ``files`` maps each name to its SHA-256, or "md5:" and
    its MD5.

    A failed download, a wrong hash included, is tried ``retries`` times more.
    """

    address: str
    files: dict[str, str]
    decode: Decoder
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    retries: int = 1

    def __post_init__(self) -> None:
        if not self.address.endswith("/"):
            raise ValueError(f"the address {self.address!r} does not end in a slash")

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
            return self.decode(folder, progress)

    def _download(self, name: str, folder: Path, progress: Progress) -> None:
        import pooch
        import requests

        # pooch announces every step on standard error; this package reports through ``progress``.
        pooch.get_logger().setLevel(logging.ERROR)
        downloads = pooch.create(folder, self.address, registry=self.files, retry_if_failed=self.retries)
        downloader = pooch.HTTPDownloader(
            timeout=(self.connect_seconds, self.read_seconds),
            progressbar=Bar(f"download {name}", progress),
        )
        try:
            downloads.fetch(name, downloader=downloader)
        except requests.RequestException as error:
            raise SourceFailed(f"{name}: {reason(error)}") from error
        except ValueError as error:  # how pooch says that the hash differs
            raise SourceFailed(f"{name}: its SHA-256 is not the published one") from error


def reason(error: Exception) -> str:
    """A few words for what requests raised, whose own messages are several lines of nested exceptions."""
    import requests
    import urllib3

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    # A silence in the middle of a file comes as a ConnectionError around urllib3's timeout.
    silence = bool(error.args) and isinstance(error.args[0], urllib3.exceptions.TimeoutError)
    if isinstance(error, requests.Timeout) or silence:
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "could not connect"
    return type(error).__name__


class Bar:
    """What pooch expects of a progress bar, handed on as ``progress(stage, done, total)`` in bytes."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self._stage = stage
        self._progress = progress
        self._total = 0
        self._done = 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        # pooch sets it when a response begins, a second attempt's too.
        self._total = total
        self._done = 0

    def update(self, count: int) -> None:
        # pooch counts whole chunks, so that its last one goes past the end.
        self._done = min(self._done + count, self._total or self._done + count)
        self._progress(self._stage, self._done, self._total)

    def reset(self) -> None:
        """pooch resets a bar only to fill it at the end; ``update`` has already done so."""

    def close(self) -> None:
        """Nothing is held."""
