"""Files of power meters and scopes, laid out as each of them does it."""

import asyncio
import contextlib
import os
from datetime import UTC

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError, RecordingError
from monitor.model import NS, Block, Marker, Reading
from monitor.sources.tables import csv_file, ptdaemon, times
from monitor.sources.tables.csv_file import CsvOptions
from monitor.sources.tables.table import source_of
from monitor.sources.tables.units import named

NOON_NS = 1_772_366_400 * NS  # 2026-03-01T12:00:00Z


def written(tmp_path, text, name="log.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(tmp_path, text, **options):
    return csv_file.load(written(tmp_path, text), CsvOptions(**options))


async def taken(table):
    source = source_of(table)
    async with source, contextlib.aclosing(source.items()) as items:
        return source.info, [item async for item in items]


def stream(table):
    return asyncio.run(taken(table))


def dense(info, items):
    """Return shape (n_channels, n); NaN in gaps."""
    blocks = [item for item in items if isinstance(item, Block)]
    out = np.full((len(info.channels), blocks[-1].stop), np.nan)
    for block in blocks:
        for row, codes, scale in zip(out, block.codes, block.scales, strict=True):
            row[block.start : block.stop] = scale.gain * codes
    return out


LAYOUTS = {
    "names with units in brackets": "Time (s),Power (W)\n0,100\n1,200\n2,300\n",
    "units in a row of their own": "time,power\ns,W\n0,100\n1,200\n2,300\n",
    "suffixes": "time_ms,power_mw\n0,100e3\n1000,200e3\n2000,300e3\n",
    "words": "Elapsed,Watts\n0,100\n1,200\n2,300\n",
    "semicolons and decimal commas": "Zeit [s];P [W]\n0,0;100,0\n1,0;200,0\n2,0;3,0e2\n",
    "tabs": "t\tP\n0\t100\n1\t200\n2\t300\n",
    "a preamble": "Model,PX8000\nSerial,12345\nRange,15 V\n\nTime (s),P (W),Note\n"
                  "0,100,\n1,200,x\n2,300,\n",
    "a byte order mark and quotes": '\ufeff"Time (s)","Power, total (kW)"\r\n'
                                    '"0","0.1"\r\n"1","0.2"\r\n"2","0.3"\r\n',
}  # fmt: skip


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_is_understood(tmp_path, text):
    table = loaded(tmp_path, text)
    np.testing.assert_allclose(table.time_s, [0, 1, 2])
    (power,) = table.measured
    assert power.unit == "W"
    np.testing.assert_allclose(power.values, [100, 200, 300])


SCOPES = {
    "Keysight": "x-axis,1,2\nsecond,Volt,Ampere\n-1E-3,12.0,1.0\n0.0,12.1,1.5\n1E-3,12.2,2.0\n",
    "Rigol": "X,CH1,CH2,Start,Increment,\nSequence,Volt,Ampere,-1E-3,1E-3\n"
             "0,12.0,1.0,\n1,12.1,1.5,\n2,12.2,2.0,\n",
    "Tektronix": "Model,MSO44\nLabel,,\nHorizontal Units,s,\nVertical Units,V,A\n"
                 "Sample Interval,1E-3,\n\nTIME,CH1 (V),CH2 (A)\n"
                 "-1E-3,12.0,1.0\n0.0,12.1,1.5\n1E-3,12.2,2.0\n",
    "Rohde & Schwarz": '"in s","CH1 in V","CH2 in A"\n'
                       "-1E-3,12.0,1.0\n0.0,12.1,1.5\n1E-3,12.2,2.0\n",
    "Siglent": "Record Length,Analog:3\nSample Rate,1000.0\nVertical Scale,CH1: 0.05,CH2: 1.0\n"
               "Horizontal Scale, 0.001\nSecond,Volt,Ampere\n"
               "-0.001,12.0,1.0\n0.0,12.1,1.5\n0.001,12.2,2.0\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SCOPES.values(), ids=SCOPES)
def test_a_scope_s_file_becomes_its_samples(tmp_path, text):
    table = loaded(tmp_path, text, start="2026-03-01T12:00:00Z")
    info, items = stream(table)
    assert info.sample_rate_hz == pytest.approx(1000.0)
    assert [c.quantity.unit for c in info.channels] == ["V", "A"]
    assert info.t0_ns == NOON_NS - 1_000_000
    np.testing.assert_allclose(dense(info, items), [[12.0, 12.1, 12.2], [1.0, 1.5, 2.0]], rtol=1e-6)


LECROY = (
    "LECROYWS3054,12345,Waveform\nSegments,1,SegmentSize,3\nSegment,TrigTime,TimeSinceSegment1\n"
    "#1,01-Mar-2026 12:00:00,0\nTime,Ampl\n-1E-3,{}\n0.0,{}\n1E-3,{}\n"
)


def test_a_scope_s_two_files_become_one_recording_at_the_time_of_the_trigger(tmp_path):
    first, second = tmp_path / "C1.csv", tmp_path / "C2.csv"
    first.write_text(LECROY.format(12.0, 12.1, 12.2))
    second.write_text(LECROY.format(1.0, 1.5, 2.0))
    info, items = stream(csv_file.load_pair(first, second, CsvOptions()))
    assert [(c.name, c.quantity.unit) for c in info.channels] == [
        ("voltage", "V"),
        ("current", "A"),
    ]
    assert info.t0_ns == NOON_NS - 1_000_000
    np.testing.assert_allclose(dense(info, items), [[12.0, 12.1, 12.2], [1.0, 1.5, 2.0]], rtol=1e-6)


def test_two_files_of_other_times_are_not_joined(tmp_path):
    first, second = tmp_path / "C1.csv", tmp_path / "C2.csv"
    first.write_text(LECROY.format(12.0, 12.1, 12.2))
    second.write_text(LECROY.format(1.0, 1.5, 2.0).replace("1E-3", "2E-3"))
    with pytest.raises(RecordingError, match="expected the times of"):
        csv_file.load_pair(first, second, CsvOptions())


@pytest.mark.parametrize(
    "text",
    [
        LECROY.format(1, 2, 3) + "-1E-3,1\n0.0,2\n",  # a second segment
        "in s,CH1 in V,CH2 in A\n0,1,1\n0,2,2\n1,1,1\n1,2,2\n",  # minima and maxima
        "Record Length,3,Points,-1E-3,12.0\nSample Interval,1E-3,s,0.0,12.1\n,,,1E-3,12.2\n",
    ],
)
def test_what_a_scope_s_file_cannot_be_read_from_is_refused(tmp_path, text):
    with pytest.raises((ConfigError, RecordingError)):
        loaded(tmp_path, text, power="2")


def test_a_column_that_is_called_ampl_is_no_current(tmp_path):
    with pytest.raises(ConfigError, match="expected a column in W"):
        loaded(tmp_path, LECROY.format(1, 2, 3))


@pytest.mark.parametrize(
    ("stamps", "start_ns"),
    [
        (("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.500Z"), NOON_NS),
        (("2026-03-01 13:00:00+01:00", "2026-03-01 13:00:00.5+01:00"), NOON_NS),
        (("2026/03/01 12:00:00", "2026/03/01 12:00:00.5"), NOON_NS),
        (("03-01-2026 12:00:00.000", "03-01-2026 12:00:00.500"), NOON_NS),
        (("1772366400.0", "1772366400.5"), NOON_NS),
        (("1772366400000", "1772366400500"), NOON_NS),
        (("1772366400000000000", "1772366400500000000"), NOON_NS),
    ],
)
def test_absolute_times_are_understood(tmp_path, stamps, start_ns):
    table = loaded(tmp_path, "Timestamp,Watts\n" + "".join(f"{s},7\n" for s in stamps))
    assert abs(table.start_ns - start_ns) < 1000
    np.testing.assert_allclose(table.time_s, [0.0, 0.5], atol=1e-6)


def test_dates_without_a_zone_are_of_the_zone_that_was_told(tmp_path):
    text = "Date,Time,P(W)\n2026-03-01,13:00:00,7\n2026-03-01,13:00:01,7\n"
    assert loaded(tmp_path, text, zone=times.zone("Europe/Zurich")).start_ns == NOON_NS
    assert loaded(tmp_path, text).start_ns == NOON_NS + 3600 * NS


def test_a_clock_without_a_date_goes_on_after_midnight(tmp_path):
    text = "Time,P(W)\n23:59:59.5,1\n00:00:00.5,2\n00:00:01.5,3\n"
    table = loaded(tmp_path, text, start="2026-03-01")
    np.testing.assert_allclose(np.diff(table.time_s), [1.0, 1.0])
    assert table.time_ns(0) == NOON_NS + 12 * 3600 * NS - NS // 2


def test_relative_times_without_a_start_end_when_the_file_was_written(tmp_path):
    path = written(tmp_path, "t,P\n0,1\n1,2\n2,3\n")
    os.utime(path, ns=(NOON_NS, NOON_NS))
    table = csv_file.load(path, CsvOptions())
    assert table.time_ns(2) == NOON_NS
    assert table.start_uncertainty_ns >= 3600 * NS
    assert "as old as the file" in table.notes["time"]


def test_columns_can_be_named_by_name_or_number(tmp_path):
    text = "tick,foo,bar,baz\n0,1,5,9\n1,2,6,9\n2,3,7,9\n"
    table = loaded(tmp_path, text, time="TICK", power="bar")
    np.testing.assert_allclose(table.measured[0].values, [5, 6, 7])
    table = loaded(tmp_path, text, time="1", voltage="2", current="4")
    assert [c.name for c in table.measured] == ["foo", "baz"]
    with pytest.raises(ConfigError, match=r"no column 'qux'; it has 'tick', 'foo'"):
        loaded(tmp_path, text, power="qux")
    with pytest.raises(ConfigError, match=r"in W, or one in V and one in A, found none; name them"):
        loaded(tmp_path, text)


@pytest.mark.parametrize("word", ["NaN", "INF", "9.9E+37", "9.91E37", "-1", "OL", "----", ""])
def test_error_values_are_gaps_and_one_event_and_never_a_number(tmp_path, word):
    rows = "".join(f"{k},{word if k in {3, 4} else 100}\n" for k in range(10))
    table = loaded(tmp_path, "t,P (W)\n" + rows, start="2026-03-01", invalid=(-1.0,))
    info, items = stream(table)
    power = dense(info, items)[0]
    assert np.nanmin(power) == pytest.approx(100.0)
    assert np.nanmax(power) == pytest.approx(100.0)
    assert np.isnan(power).sum() / info.sample_rate_hz == pytest.approx(2.0, abs=0.03)
    told = [item.attrs["kind"] for item in items if isinstance(item, Marker)]
    assert told == ["invalid", "invalid-over"]


def test_an_error_value_among_samples_is_a_gap(tmp_path):
    rows = "".join(f"{k * 1e-3},12,{'nan' if k == 3 else 1}\n" for k in range(10))
    info, items = stream(loaded(tmp_path, "t,U (V),I (A)\n" + rows, start="2026-03-01"))
    assert np.flatnonzero(np.isnan(dense(info, items)[0])).tolist() == [3]


def test_a_meter_s_other_columns_become_readings(tmp_path):
    text = "t,P(W),U(V),I(mA),PF\n" + "".join(f"{k},100,230,500,0.9\n" for k in range(4))
    info, items = stream(loaded(tmp_path, text, start="2026-03-01"))
    assert [c.quantity.unit for c in info.channels] == ["W"]
    last = {i.channel.name: (i.value, i.channel.unit) for i in items if isinstance(i, Reading)}
    assert last == {"U": (230.0, "V"), "I": (0.5, "A"), "PF": (0.9, "")}


@given(st.lists(st.floats(0.1, 5000.0), min_size=2, max_size=30), st.floats(0.05, 2.0))
def test_the_energy_of_a_meter_s_file_is_that_of_its_rows(tmp_path_factory, watts, step_s):
    folder = tmp_path_factory.mktemp("energy")
    rows = "".join(f"{k * step_s:.6f},{w:.6f}\n" for k, w in enumerate(watts))
    info, items = stream(loaded(folder, "t,P\n" + rows, start="2026-03-01"))
    energy_j = np.nansum(dense(info, items)[0]) / info.sample_rate_hz
    slack_j = 2 * max(watts) / info.sample_rate_hz + 1e-3
    assert energy_j == pytest.approx(sum(watts) * step_s, abs=slack_j, rel=1e-4)


def test_uneven_samples_are_held_and_what_is_missing_is_a_gap(tmp_path):
    at_ms = [0, 1.0, 2.1, 2.9, 4.0, 9.0, 10.0, 11.1]
    rows = "".join(f"{ms / 1000},12,{k}\n" for k, ms in enumerate(at_ms))
    info, items = stream(loaded(tmp_path, "t,U (V),I (A)\n" + rows, start="2026-03-01"))
    amps = dense(info, items)[1]
    at = [round(ms * info.sample_rate_hz / 1000) for ms in (0.6, 3.5, 7.0, 9.6)]
    np.testing.assert_allclose(amps[at], [0, 3, np.nan, 5], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found none; is it a CSV file"),
        ("hello\nworld\n", "found none"),
        ("t,P\n0,1\n1,2\n2,x\n", r"line 4: expected a time and numbers in 2 columns, got '2,x'"),
        ("t,P\n0,1\n1,2\n2\n", r"line 4"),
        ("t,P\n0,1\n1,2\n1,3\n", r"expected rising times.*another column with --time"),
        ("t,P\n0,1\n2,2\n1,3\n", "expected rising times"),
        ("t,P\n0,nan\n1,nan\n2,nan\n", "got only error values"),
        ("t,P\n0,1\n1,2\nlater,3\n", "line 4"),
    ],
)
def test_a_file_that_is_wrong_is_one_sentence(tmp_path, text, said):
    with pytest.raises(RecordingError, match=said):
        loaded(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"none\.csv cannot be read: No such file"):
        csv_file.load(tmp_path / "none.csv", CsvOptions())


@given(st.text(max_size=200))
def test_no_text_does_worse_than_that(tmp_path_factory, text):
    with contextlib.suppress(RecordingError, ConfigError):
        loaded(tmp_path_factory.mktemp("any"), text)


@pytest.mark.parametrize(
    ("title", "unit", "expected"),
    [
        ("Power (mW)", "", ("Power", ("W", 1e-3))),
        ("power_kw", "", ("power", ("W", 1e3))),
        ("Voltage/V", "", ("Voltage", ("V", 1.0))),
        ("CH1", "Volts", ("CH1", ("V", 1.0))),
        ("I", "", ("I", ("A", 1.0))),
        ("Apparent power", "", ("Apparent power", ("VA", 1.0))),
        ("Power factor", "", ("Power factor", ("", 1.0))),
        ("Frequency [Hz]", "", ("Frequency", ("Hz", 1.0))),
        ("Comment", "", ("Comment", None)),
    ],
)
def test_names_tell_units(title, unit, expected):
    assert named(title, unit) == expected


def spl(second, watts, mark="notset", volts="230.0", pf="0.50"):
    return (f"Time,03-01-2026 12:00:{second:06.3f},Watts,{watts},Volts,{volts},Amps,0.2,"
            f"PF,{pf},Mark,{mark}\n")  # fmt: skip


def test_a_log_of_ptdaemon_has_its_power_and_its_marks_as_stages(tmp_path):
    marks = ["notset", "load", "load", "load", "notset", "idle", "idle"]
    text = "".join(spl(1.0 + k, 100.0 * (k + 1), mark) for k, mark in enumerate(marks))
    table = ptdaemon.load(written(tmp_path, text, "spl.txt"), zone=UTC)
    info, items = stream(table)
    assert info.instrument["identity"] == "SPEC PTDaemon"
    power = dense(info, items)[0]
    edges = [(m.stage, m.edge.value, (m.time_ns - NOON_NS) / NS)
             for m in items if isinstance(m, Marker)]  # fmt: skip
    assert edges == [("load", "begin", 1.0), ("load", "end", 4.0),
                     ("idle", "begin", 5.0), ("idle", "end", 7.0)]  # fmt: skip
    a, b = info.index_at(NOON_NS + 1 * NS), info.index_at(NOON_NS + 4 * NS)
    assert power[a:b].sum() / info.sample_rate_hz == pytest.approx(200 + 300 + 400)
    assert {i.channel.unit for i in items if isinstance(i, Reading)} == {"V", "A", ""}


@pytest.mark.parametrize("wrong", ["-1.000000", "nan", "inf", "Infinity"])
def test_what_ptdaemon_does_not_know_is_no_number(tmp_path, wrong):
    text = "".join(spl(k, wrong if k == 4 else 100.0, pf=wrong) for k in range(9))
    info, items = stream(ptdaemon.load(written(tmp_path, text), zone=UTC))
    power = dense(info, items)[0]
    assert np.nanmin(power) == pytest.approx(100.0)
    assert np.isnan(power).sum() / info.sample_rate_hz == pytest.approx(1.0, abs=0.03)
    assert not [i for i in items if isinstance(i, Reading) and i.channel.name == "power factor"]


@pytest.mark.parametrize(
    "text",
    [
        "t,P\n0,1\n", spl(1, 100) + "Time,03-01-2026 12:00:02.000,Watts\n",
        spl(1, 100) + spl(2, "many"),
    ],
)  # fmt: skip
def test_what_is_no_log_of_ptdaemon_is_named_with_its_line(tmp_path, text):
    with pytest.raises(RecordingError, match=r"line \d: expected a line of a PTDaemon log"):
        ptdaemon.load(written(tmp_path, text), zone=UTC)


def test_a_zone_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="no time zone 'Mars/Olympus'"):
        times.zone("Mars/Olympus")
