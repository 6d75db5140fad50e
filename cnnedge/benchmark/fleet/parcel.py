"""What goes to every board: the files and, where it lies on this machine, the data, as one tar archive."""

import shlex
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import UsageError

_FILES, _DATA = "files", "data"
# Unpacked into a folder of its own, which is removed however it ends; the answer alone goes to standard output.
# Standard input stays open behind the archive: when it ends, whoever asked is gone (without a terminal, sshd does not
# tell).
_SCRIPT = """set -e
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
trap 'exit 141' PIPE
cd "$d"
head -c {size} | tar xf -
set +e
exec 3<&0
{command} benchmark {arguments} --json answer.json < /dev/null >&2 3<&- &
work=$!
(cat <&3; kill $work) > /dev/null 2>&1 &
watch=$!
wait $work
code=$?
kill $watch
if [ -f answer.json ]; then cat answer.json; fi
exit $code
"""


@dataclass(frozen=True)
class Parcel:
    """``files`` to measure on ``data``, a name of a dataset or a path of this machine, with more ``options``."""

    files: Sequence[Path]
    data: str | None
    options: Sequence[str]

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"two of the files are called {twice}, and they go into one folder: rename one")

    @property
    def _local_data(self) -> Path | None:
        return Path(self.data) if self.data is not None and Path(self.data).exists() else None

    def write(self, path: Path) -> None:
        """Write the archive that ``script`` reads from its standard input."""
        # Plain names and nobody's files: what every tar reads, BusyBox's among them.
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
            for file in self.files:
                archive.add(file.resolve(), f"{_FILES}/{file.name}", filter=_nobodys)
            if self._local_data is not None:
                folder = self._local_data.resolve()
                archive.add(folder, f"{_DATA}/{folder.name}", filter=_nobodys)

    def script(self, command: str, size: int) -> str:
        """The shell script that a board runs, where ``command`` is cnnedge; it prints a ``benchmark.json``.

        Its standard input is the archive, ``size`` bytes, and stays open: its end ends the work.
        """
        arguments = [f"{_FILES}/{file.name}" for file in self.files]
        if self.data is not None:
            local = self._local_data
            arguments += ["--data", f"{_DATA}/{local.resolve().name}" if local is not None else self.data]
        return _SCRIPT.format(command=command, size=size, arguments=shlex.join([*arguments, *self.options]))


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
