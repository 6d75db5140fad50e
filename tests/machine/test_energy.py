"""RAPL's counters in a synthetic /sys tree, and power meters' logs."""

import pytest

from cnnedge.errors import DataError
from cnnedge.machine.energy import rapl_counters, read_power_log


def domain(root, name, *, kind, microjoules, most=262_143_328_850):
    folder = root / name
    folder.mkdir()
    for file, value in (("name", kind), ("energy_uj", microjoules), ("max_energy_range_uj", most)):
        (folder / file).write_text(f"{value}\n")
    return folder


def test_packages_are_counted_and_their_parts_and_what_cannot_be_read_are_not(tmp_path):
    first = domain(tmp_path, "intel-rapl:0", kind="package-0", microjoules=1_000_000)
    domain(tmp_path, "intel-rapl:0:0", kind="core", microjoules=400_000)
    domain(tmp_path, "intel-rapl:1", kind="package-1", microjoules="not for you")
    (counter,) = rapl_counters(tmp_path)
    before = counter.read()
    (first / "energy_uj").write_text("3500000\n")
    assert counter.joules(before, counter.read()) == 2.5
    assert rapl_counters(tmp_path / "nowhere") == []


def test_a_counter_that_began_again_at_0_goes_on(tmp_path):
    domain(tmp_path, "intel-rapl:0", kind="package-0", microjoules=9_000_000, most=9_999_999)
    (counter,) = rapl_counters(tmp_path)
    assert counter.joules(9_000_000, 500_000) == 1.5


@pytest.mark.parametrize("heading", ["", "timestamp,watts\n"], ids=["bare", "with headings"])
def test_a_log_is_averaged_between_two_moments_without_the_edges(tmp_path, heading):
    path = tmp_path / "meter.csv"
    # One reading in half a second: 2 W until second 10, 5 W from then on.
    path.write_text(heading + "".join(f"{at / 2},{2 if at < 20 else 5}\n" for at in range(40)))
    log = read_power_log(path)
    assert log.mean_watts(0, 10) == 2 and log.mean_watts(10, 19) == 5
    with pytest.raises(DataError, match=r"meter\.csv has 0 readings for 9 s of the measurement, expected at least 3"):
        log.mean_watts(100, 109)


def test_times_of_day_are_read_too(tmp_path):
    path = tmp_path / "meter.csv"
    path.write_text("time,W\n2026-01-01T00:00:00+00:00,1.5\n2026-01-01 00:00:01.5+00:00,1.75\n")
    assert read_power_log(path).at == [1767225600.0, 1767225601.5]


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        pytest.param("timestamp_ms,bus_voltage_V,shunt_voltage_mV,current_mA", "{ms},5.0,3.1,250", id="INA219"),
        pytest.param("Time;Shunt voltage (mV);Voltage (mV);Current (A)", "{s};3.1;5000;0.25", id="INA226, semicolons"),
        pytest.param("Index\tDate\tVoltage(V)\tCurrent(A)\tPower(mW)", "1\t{iso}\t9\t9\t1250", id="the power itself"),
        pytest.param("\N{BYTE ORDER MARK}time,amps,V", "{s},0.25,5", id="short words"),
        pytest.param("time,uW", "{s},1250000", id="a unit alone"),
    ],
)
def test_columns_are_found_by_their_headings_and_units(tmp_path, heading, line):
    path = tmp_path / "meter.csv"
    filled = line.format(ms=1767225600000, s=1767225600, iso="2026-01-01T00:00:00+00:00")
    path.write_text(f"{heading}\n{filled}\n", encoding="utf-8")
    log = read_power_log(path)
    assert log.at == [1767225600.0] and log.watts == [pytest.approx(1.25)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("time,watts\n1,2\n2,lots\n", "line 3: '2,lots' is no reading", id="no number"),
        pytest.param("1,2\n2,-1\n", "line 2: '2,-1' is no reading: expected a timestamp and 0 to 10,000", id="below 0"),
        pytest.param("2,2\n1,2\n", "its timestamps go back", id="back"),
        pytest.param("1,2\n2,nan\n", "line 2: '2,nan'", id="nan"),
        pytest.param("a\nb\n", "line 2: 'b' is no reading", id="no CSV"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, text, message):
    path = tmp_path / "meter.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_power_log(path)
    assert message in str(error.value)
