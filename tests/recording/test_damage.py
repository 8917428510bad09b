"""What is not as it was recorded is told to whoever reads it, and no summary of it is used."""

import contextlib
import shutil

import h5py
import numpy as np
import pytest
from recording.damage import age, change, flip, flip_text, record, rewrite
from recording.sessions import info, note, ramp, reading
from recording.test_summaries import blocks, stream

from monitor.config import RecordingSettings
from monitor.errors import RecordingError
from monitor.model import Edge, Marker, Supply
from monitor.recording.checksums import CHECKSUMS
from monitor.recording.in_memory import InMemory
from monitor.recording.info import info as facts
from monitor.recording.reader import Recording
from monitor.recording.stored import Stored
from monitor.recording.writer import Writer

N = 5000
SETTINGS = {"profile": "lab", "notes": '["fan off"]'}


def items():
    for k in range(12):
        yield ramp(k * N, (k + 1) * N)
        yield note(f"n{k}", info().t0_ns + k, seq=k)
        yield reading(float(k))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "r.h5"
    return record(path, info(), items(), settings=SETTINGS)


@pytest.fixture
def copy(original, tmp_path):
    return tmp_path / shutil.copy(original, tmp_path / "c.h5")


def told(path):
    with Recording(path) as recording:
        return recording.damage


def test_of_a_file_that_is_as_it_was_nothing_is_told(copy, caplog):
    with Recording(copy) as recording:
        assert recording.warnings == ()
        assert facts(recording)["damage"] == []
        assert recording.changed(*recording.bounds) == ()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"sample_rate_hz":10000.0', '"sample_rate_hz":90000.0'),
        ('"t0_ns":1700000000000000000', '"t0_ns":1700000004000000000'),
        ('"ratio":10.0', '"ratio":30.0'),
        ('"gain":1.01', '"gain":1.81'),
        ('"supply":"dc"', '"supply":"auto"'),
        ("TEST", "TESU"),
    ],
)
def test_an_info_that_changed_is_told_wherever_its_numbers_are_shown(copy, caplog, old, new):
    rewrite(copy, "info", old, new)
    (text,) = told(copy)
    assert text == (
        "its info changed since it was recorded: rate, times, probes and every number may be wrong"
    )
    assert f"{copy}: {text}" in caplog.text
    with Recording(copy) as recording:
        assert facts(recording)["damage"] == [text]
        assert text in recording.warnings


@pytest.mark.parametrize("bit", range(8))
def test_every_bit_of_an_info_is_seen(original, copy, bit):
    with h5py.File(original) as file:
        n = len(file.attrs["info"])
    for at in range(bit, n, 37):
        shutil.copy(original, copy)
        flip_text(copy, "info", at, bit)
        with contextlib.suppress(RecordingError):  # it is no JSON any more
            assert any("its info changed" in text for text in told(copy))


@pytest.mark.parametrize("name", ["settings", "set"])
def test_the_other_attributes_are_looked_at_too(copy, name):
    with h5py.File(copy, "r+") as file:
        text = file.attrs[name]
        file.attrs[name] = text.replace("lab", "lap") if name == "settings" else "x" + text[1:]
    assert [f"its {name} changed" in text for text in told(copy)] == [True]


def test_a_part_of_another_number_and_a_correction_that_nobody_made_are_told(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["part"] = 2
        file.attrs["corrections"] = "[]"
    assert [text.split(" changed")[0] for text in told(copy)] == ["its corrections", "its part"]


@pytest.mark.parametrize(
    ("name", "at", "byte", "what"),
    [
        ("scales", (0, 1), 6, "every number"),
        ("blocks", 3, 35, "gaps, energies and times"),
        ("markers", 3, 21, "stages and marks"),
        ("marker_json", 30, 0, "stages and marks"),
        ("readings", 3, 30, "slow channels"),
        ("slow_channels", 12, 0, "slow channels"),
    ],
)
def test_a_table_that_changed_is_told(copy, name, at, byte, what):
    flip(copy, name, at, byte)
    (text,) = told(copy)
    assert text == f"its {name} changed since it was recorded: {what} may be wrong"


def test_a_table_that_is_shorter_than_it_was_is_told(copy):
    with h5py.File(copy, "r+") as file:
        file["markers"].resize(5, axis=0)
    assert ["its markers changed" in text for text in told(copy)] == [True]


@pytest.mark.parametrize("row", [0, 1, -6, -1])
def test_checksums_that_contradict_what_they_are_of_are_told(copy, row):
    with h5py.File(copy) as file:
        n = len(file[CHECKSUMS])
    flip(copy, CHECKSUMS, row % n, 19)
    assert len(told(copy)) == 1


def test_a_file_from_before_there_were_these_checksums_opens_as_before(copy, caplog):
    age(copy)
    rewrite(copy, "info", "TEST", "TESU")
    flip(copy, "scales", (0, 1), 6)
    with Recording(copy) as recording:
        assert recording.warnings == ()
        assert isinstance(recording._answers.reduced, Stored)
    assert caplog.text == ""


def test_of_such_a_file_probes_that_are_not_those_of_its_summaries_are_told(copy):
    age(copy)
    rewrite(copy, "info", '"ratio":10.0', '"ratio":30.0')
    with Recording(copy) as recording:
        (text,) = recording.damage
        assert text.startswith("its info or its summaries changed since it was recorded")
        assert text.endswith("every number may be wrong")
        assert recording.levels is None


@pytest.mark.parametrize(("first", "last"), [(-(2**63), 0), (0, 2**62), (-(2**62), 2**62)])
def test_a_recording_of_thousands_of_years_is_none(copy, first, last):
    with h5py.File(copy, "r+") as file:
        rows = file["blocks"][:]
        rows["start"][0], rows["start"][-1] = first, max(last, int(rows["start"][-1]))
        file["blocks"][:] = rows
    with pytest.raises(RecordingError, match="its block table is of no recording: the index goes"):
        Recording(copy)


def test_a_part_of_a_split_recording_is_looked_at_too(tmp_path):
    path = tmp_path / "r.h5"
    how = RecordingSettings(split_gb=1e-4)
    record(path, info(), items(), how=how)
    second = tmp_path / "r.part2.h5"
    with Recording(path) as recording:
        assert (recording.n_files > 1, recording.warnings) == (True, ())
    with h5py.File(second, "r+") as file:
        file["codes"][0, 10] ^= 1
        first = int(file["blocks"]["start"][0])
    flip(second, "scales", (0, 1), 6)
    with Recording(path) as recording:
        assert ["its scales changed" in text for text in recording.damage] == [True]
        ((start, stop),) = recording.changed(*recording.bounds)
        assert start == first < start + 10 < stop
        assert recording.changed(0, first) == ()


def test_a_last_part_that_seems_to_be_of_another_recording_is_told_if_its_set_changed(tmp_path):
    path = tmp_path / "r.h5"
    record(path, info(), items(), how=RecordingSettings(split_gb=1e-4))
    with Recording(path) as recording:
        last = recording.files[-1]
    with h5py.File(last, "r+") as file:
        file.attrs["set"] = "x" + file.attrs["set"][1:]
    with Recording(path) as recording:
        (text,) = recording.lost
        assert text.endswith(f"{last} is a file of another recording")


def test_a_recording_that_grows_or_whose_writer_died_is_looked_at_flush_by_flush(tmp_path):
    path, copy = tmp_path / "r.h5", tmp_path / "c.h5"
    writer = Writer(path, info(), {})
    for k in range(4):
        writer.append([(k, ramp(k * N, (k + 1) * N))])
        writer.flush()
        assert told(path) == ()
    data = bytearray(path.read_bytes())
    with h5py.File(path, "r", swmr=True) as file:
        place = file["blocks"].id.get_chunk_info(0).byte_offset
        size = file["blocks"].dtype.itemsize
    writer.close(complete=True, n_dropped=0)
    data[place + size + 33] ^= 4  # the time of the second block, by the host's clock
    copy.write_bytes(data)
    assert ["its blocks changed" in text for text in told(copy)] == [True]


def test_codes_are_looked_at_where_that_is_asked_for(copy):
    flip(copy, "codes", (1, 12_345))
    change(copy, "codes", (0, slice(31_000, 31_010)), 7)
    with Recording(copy) as recording:
        assert recording.warnings == ()
        first, second = recording.changed(*recording.bounds)
        assert first[0] <= 12_345 < first[1] <= second[0] <= 31_000 < 31_010 <= second[1]
        assert recording.changed(0, 5000) == ()
        assert recording.changed(12_300, 12_400) == ((12_300, 12_400),)


MAINS = stream(supply=Supply.MAINS, rate_hz=20_000.0)


@pytest.fixture(scope="module")
def mains(tmp_path_factory):
    path = tmp_path_factory.mktemp("mains") / "m.h5"
    given = list(blocks([20_000] * 12, [0, 0, 300] * 4, hz=50.0, rate_hz=20_000.0))
    edges = [
        Marker(
            time_ns=MAINS.time_ns(k * 60_000 + shift), stage="step", edge=edge, run_id="r",
            span_id=str(k),
        )
        for k in range(3)
        for edge, shift in ((Edge.BEGIN, 1000), (Edge.END, 50_000))
    ]  # fmt: skip
    return record(path, MAINS, [*given, *edges])


def numbers(recording):
    start, stop = recording.bounds
    at = np.linspace(start, stop, 40).astype(np.int64)
    views = [recording.view(start, stop, n, (), ()) for n in (30, 300)]
    return {
        "sums": recording.cumulative(at)[0],
        "summary": [recording.summary(int(a), int(a) + 30_000) for a in at[:-6]],
        "steady": np.array(recording.steady(at)),
        "peak": recording.peak(start, stop),
        "ramps": recording.ramp_extremes(0.1),
        "drawn": [
            f(each) for view in views for f, each in ((np.nanmin, view.low), (np.nanmax, view.high))
        ],
    }


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("cycles", (2, 100)),
        ("cycles", (0, 0)),
        ("totals_0", (2, 7)),
        ("totals_0", (5, 200)),
        ("extremes_0", (1, 400)),
        ("extremes_1", (4, 3)),
        ("cycles_crc", (1, 0)),
        ("extremes_0_crc", (2, 0)),
    ],
)
def test_a_summary_that_changed_is_not_used_and_that_is_told(mains, tmp_path, name, at, caplog):
    copy = tmp_path / shutil.copy(mains, tmp_path / "m.h5")
    with Recording(copy) as recording:
        assert isinstance(recording._answers.reduced, Stored)
        right = numbers(recording)
    flip(copy, f"summaries/{name}", at, byte=3 if "extremes" in name else 6, bit=4)
    with Recording(copy) as recording:
        found = numbers(recording)
        assert isinstance(recording._answers.reduced, InMemory)
        what = name.removesuffix("_crc")
        assert recording.unused.startswith("its summaries are not used: bins 0 to ")
        assert recording.unused.endswith(f" of /summaries/{what} changed since they were written")
        assert recording.damage == ()
    assert caplog.text.count("its summaries are not used") == 1
    for key, value in right.items():
        if key != "summary":
            assert found[key] == pytest.approx(value, rel=1e-5, nan_ok=True), key
    for one, other in zip(found["summary"], right["summary"], strict=True):
        assert [s.sum for s in one] == pytest.approx([s.sum for s in other], rel=1e-9)
        assert [(s.n, s.min, s.max) for s in one] == [(s.n, s.min, s.max) for s in other]


@pytest.mark.parametrize("name", ["cycles", "totals_0", "extremes_0", "extremes_1"])
def test_bins_that_are_missing_at_the_end_are_seen(mains, tmp_path, name):
    copy = tmp_path / shutil.copy(mains, tmp_path / "m.h5")
    with h5py.File(copy, "r+") as file:
        data = file["summaries"][name]
        data.resize(data.shape[1] - 3, axis=1)
    with Recording(copy) as recording:
        numbers(recording)
        assert isinstance(recording._answers.reduced, InMemory)
        assert "its summaries are not used" in recording.unused


def test_probes_that_summaries_name_wrongly_are_told_and_the_numbers_are_right(mains, tmp_path):
    copy = tmp_path / shutil.copy(mains, tmp_path / "m.h5")
    with Recording(copy) as recording:
        right = recording.cumulative(recording.bounds)[0]
    with h5py.File(copy, "r+") as file:
        made_with = file["summaries"].attrs["made_with"]
        file["summaries"].attrs["made_with"] = made_with.replace("1.0", "1.5", 1)
    with Recording(copy) as recording:
        assert recording.damage == ()
        assert "of other probes than its info tells of" in recording.unused
        assert recording.cumulative(recording.bounds)[0] == pytest.approx(right)
