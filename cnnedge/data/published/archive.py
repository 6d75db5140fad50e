"""Taking files out of a tar archive that came from the network."""

import shutil
import tarfile
from pathlib import Path


def unpack(archive: Path, members: tuple[str, ...], folder: Path, *, max_bytes: int) -> None:
    """Write the regular files named ``members`` into ``folder``, each under the last part of its name.

    Nothing else is written. The archive is read as a stream, so that a small file which would unpack into
    more than ``max_bytes`` is given up at the header that says so.

    Raises:
        ValueError: a member is missing or is not a regular file, or the archive holds more than
        ``max_bytes``. tarfile.TarError, zlib.error, EOFError: the archive is damaged.
    """
    missing = set(members)
    total = 0
    with tarfile.open(archive, "r|gz") as stream:
        for member in stream:
            total += member.size
            if total > max_bytes:
                raise ValueError(f"{archive.name} unpacks into more than {max_bytes:,} bytes")
            if member.name not in missing:
                continue
            source = stream.extractfile(member) if member.isreg() else None
            if source is None:
                raise ValueError(f"{member.name} is not a regular file")
            missing.remove(member.name)
            # Not TarFile.extract: its filter, which keeps modes and owners out, came with Python 3.11.4, and Debian 12
            # and its Raspberry Pi OS have 3.11.2.
            with (folder / Path(member.name).name).open("wb") as target:
                shutil.copyfileobj(source, target)
    if missing:
        raise ValueError(f"{archive.name} lacks {', '.join(sorted(missing))}")
