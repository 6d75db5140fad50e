"""What a source of a published dataset is; ``web`` and ``npm`` are the two kinds."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError
from typing import Protocol

from cnnedge.data.published.parse import Arrays
from cnnedge.progress import Progress


class SourceFailed(Exception):
    """A source cannot give the dataset; the message is the reason in a few words, for a list of what was
    tried."""


class Source(Protocol):
    """``kind`` is what ``Dataset.source`` says; ``where`` tells a person which place was tried."""

    @property
    def kind(self) -> str: ...

    @property
    def where(self) -> str: ...

    def fetch(self, folder: Path, progress: Progress) -> Arrays:
        """Fetch into the scratch folder ``folder`` and decode; see ``decode`` for the arrays.

        Raises:
            SourceFailed: the place cannot be reached, or what came is not what it should be.
            OSError: the local disk failed, which another source would not mend.
        """


@contextmanager
def malformed_content_fails() -> Iterator[None]:
    """Turn what unpacking and decoding raise for malformed content into ``SourceFailed``."""
    try:
        yield
    except (ValueError, KeyError, EOFError, zlib.error, TarError) as error:
        raise SourceFailed(f"malformed content: {error}") from error
    except OSError as error:
        # gzip and Pillow raise a bare OSError for bad content; the operating system's own carries a number.
        if error.errno is not None:
            raise
        raise SourceFailed(f"malformed content: {error}") from error
