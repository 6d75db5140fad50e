"""What the machine draws, where something measures it: an x86 CPU's own counters (RAPL), or a power meter's log."""

import csv
import datetime
import itertools
import math
import re
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
    """Read a CSV of timestamps (seconds since 1970, or ISO 8601) and watts, by commas, semicolons or tabs.

    Headings say which columns these are, and that of the power its unit: ``power_mW``; without such a column, a
    voltage (``bus_V``, ``voltage (mV)``) is multiplied by a current (``current_mA``), as an INA219 or INA226 gives
    them. Without headings that are known, the first two columns are timestamps and watts.

    Raises:
        DataError: it cannot be read, or a line is no such reading.
    """
    try:
        text = read_regular(path, MAX_LOG_BYTES).decode("utf-8-sig")
        lines = list(csv.reader(text.splitlines(), delimiter=_delimiter(text)))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): expected a CSV of timestamps and watts") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV ({error}): expected timestamps and watts") from None
    columns = _Columns.named(lines[0]) if lines else None
    first = 1 if lines and (columns or not _is_reading(lines[0], _PLAIN)) else 0
    readings = [
        _reading(path, number, line, columns or _PLAIN) for number, line in enumerate(lines[first:], first + 1) if line
    ]
    at, watts = [moment for moment, _ in readings], [value for _, value in readings]
    if any(later < earlier for earlier, later in itertools.pairwise(at)):
        raise DataError(f"{path}: its timestamps go back: expected rising ones")
    return PowerLog(path.name, at, watts)


@dataclass(frozen=True)
class _Columns:
    """Where the timestamp stands, and the columns whose product is the power; the units are in seconds and watts."""

    time: int
    factors: tuple[int, ...]
    time_unit: float
    unit: float

    @classmethod
    def named(cls, headings: Sequence[str]) -> "_Columns | None":
        """What the headings say; None if they do not name a time and a power, or a voltage and a current."""
        places = {kind: _place(headings, pattern) for kind, pattern in _HEADINGS.items()}
        power = [places["power"]] if places["power"] is not None else [places["voltage"], places["current"]]
        if places["time"] is None or None in power:
            return None
        factors = tuple(one for one in power if one is not None)
        unit = math.prod(_unit(headings[one]) for one in factors)
        return cls(places["time"], factors, _unit(headings[places["time"]]), unit)

    def moment(self, line: Sequence[str]) -> float:
        """Seconds since 1970; a time without a zone is this machine's."""
        text = line[self.time].strip()
        try:
            return self.time_unit * float(text)
        except ValueError:
            return datetime.datetime.fromisoformat(text).timestamp()

    def watts(self, line: Sequence[str]) -> float:
        return self.unit * math.prod(float(line[one]) for one in self.factors)


_PLAIN = _Columns(0, (1,), 1.0, 1.0)
# The headings by their whole text, in small letters. The shunt's voltage is not the load's.
_HEADINGS = {
    "time": r"(unix|epoch)?[ _]?(time|date)(stamp)?([^a-z].*)?|epoch",
    "power": "(.*[ _])?(power|watt)s?([^a-z].*)?|[mu\N{MICRO SIGN}]?w",
    "voltage": r"(?!shunt)(.*[ _])?(voltage|volts?|bus_m?v|load_m?v)([^a-z].*)?|m?v",
    "current": "(.*[ _])?(current|amp(ere)?s?)([^a-z].*)?|[mu\N{MICRO SIGN}]?a",
}
# A thousandth or a millionth of a volt, ampere, watt or second, at a heading's end: ``current_mA``, ``power (uW)``.
_SMALL_UNIT = re.compile("(?:^|[^A-Za-z])([mu\N{MICRO SIGN}])[VAWs]\\W*$")


def _delimiter(text: str) -> str:
    return next((sign for sign in ";\t" if sign in text.partition("\n")[0]), ",")


def _place(headings: Sequence[str], pattern: str) -> int | None:
    return next((n for n, one in enumerate(headings) if re.fullmatch(pattern, one.strip().lower())), None)


def _unit(heading: str) -> float:
    found = _SMALL_UNIT.search(heading.strip())
    return 1.0 if found is None else 1e-3 if found[1] == "m" else 1e-6


def _is_reading(line: Sequence[str], columns: _Columns) -> bool:
    try:
        return math.isfinite(columns.moment(line)) and math.isfinite(columns.watts(line))
    except (ValueError, IndexError):
        return False


def _reading(path: Path, number: int, line: Sequence[str], columns: _Columns) -> tuple[float, float]:
    if not _is_reading(line, columns) or not 0 <= columns.watts(line) <= MOST_WATTS:
        raise DataError(
            f"{path}, line {number}: {','.join(line)[:60]!r} is no reading: expected a timestamp and 0 to "
            f"{MOST_WATTS:,.0f} watts"
        )
    return columns.moment(line), columns.watts(line)
