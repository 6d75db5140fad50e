"""What the machine draws, where something measures it: an x86 CPU's own counters (RAPL), or a power meter's log."""

import csv
import datetime
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnedge.errors import DataError
from cnnedge.files import read_regular

POWERCAP = Path("/sys/class/powercap")
# A day at a hundred readings a second is 200 MB; nobody measures files so long.
MAX_LOG_BYTES = 50_000_000
MOST_WATTS = 10_000.0
# A meter's readings at the very beginning and end of an interval may belong to what came before and after.
EDGE_SECONDS = 0.5
LEAST_READINGS = 3


@dataclass(frozen=True)
class Counter:
    """One CPU package's energy counter; it begins again at 0 after ``range_uj`` microjoules."""

    path: Path
    range_uj: int

    def read(self) -> int:
        return int(self.path.read_text())

    def joules(self, before: int, after: int) -> float:
        return ((after - before) % (self.range_uj + 1)) / 1e6


def rapl_counters(root: Path | None = None) -> list[Counter]:
    """The counters of the CPU packages that this process may read (Linux lets root alone); parts of a package, such as
    its cores, are in it already."""
    found = []
    for domain in sorted((root or POWERCAP).glob("*-rapl:*")):
        try:
            if (domain / "name").read_text().startswith("package"):
                counter = Counter(domain / "energy_uj", int((domain / "max_energy_range_uj").read_text()))
                counter.read()
                found.append(counter)
        except (OSError, ValueError):
            continue
    return found


@dataclass(frozen=True)
class PowerLog:
    """A power meter's readings: seconds since 1970, rising, and watts."""

    name: str
    at: list[float]
    watts: list[float]

    def mean_watts(self, start: float, end: float) -> float:
        """The mean of the readings between two moments, but for the edges.

        Raises:
            DataError: there are too few.
        """
        inside = [
            watts
            for at, watts in zip(self.at, self.watts, strict=True)
            if start + EDGE_SECONDS <= at <= end - EDGE_SECONDS
        ]
        if len(inside) < LEAST_READINGS:
            raise DataError(
                f"{self.name} has {len(inside)} readings for {end - start:.0f} s of the measurement, expected at least "
                f"{LEAST_READINGS}: its clock must be this machine's, and it must log while the benchmark runs"
            )
        return sum(inside) / len(inside)


def read_power_log(path: Path) -> PowerLog:
    """Read a CSV whose first two columns are timestamps (seconds since 1970, or ISO 8601) and watts; one line of
    headings may come first.

    Raises:
        DataError: it cannot be read, or a line is no such reading.
    """
    try:
        lines = list(csv.reader(read_regular(path, MAX_LOG_BYTES).decode().splitlines()))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected a CSV of timestamps and watts") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV ({error}): expected timestamps and watts") from None
    first = 1 if lines and not _is_reading(lines[0]) else 0
    readings = [_reading(path, number, line) for number, line in enumerate(lines[first:], first + 1) if line]
    at, watts = [moment for moment, _ in readings], [value for _, value in readings]
    if any(later < earlier for earlier, later in itertools.pairwise(at)):
        raise DataError(f"{path}: its timestamps go back: expected rising ones")
    return PowerLog(path.name, at, watts)


def _is_reading(line: Sequence[str]) -> bool:
    try:
        return len(line) >= 2 and math.isfinite(_moment(line[0])) and math.isfinite(float(line[1]))
    except ValueError:
        return False


def _reading(path: Path, number: int, line: Sequence[str]) -> tuple[float, float]:
    if not _is_reading(line) or not 0 <= float(line[1]) <= MOST_WATTS:
        raise DataError(
            f"{path}, line {number}: {','.join(line)[:60]!r} is no reading: expected a timestamp and 0 to "
            f"{MOST_WATTS:,.0f} watts"
        )
    return _moment(line[0]), float(line[1])


def _moment(text: str) -> float:
    """Seconds since 1970; a time without a zone is this machine's."""
    try:
        return float(text)
    except ValueError:
        return datetime.datetime.fromisoformat(text.strip()).timestamp()
