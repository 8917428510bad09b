"""What an exported file holds, read with other programs' eyes."""

import csv
import json
import struct

import numpy as np
import pyarrow.parquet as pq
import pytest
from export.exports import exported, recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording.sessions import PLUG, info, note, ramp, reading, streams

from monitor.errors import ConfigError, RecordingError
from monitor.export import export as exporting
from monitor.export.choice import choose
from monitor.export.description import Job
from monitor.export.selection import select
from monitor.model import Block, Scale
from monitor.recording import marks
from monitor.recording.reader import Recording

FINER = (Scale(0.05, 1.0), Scale(0.025, -2.0))
ITEMS = [
    ramp(1000, 1100), note("door opened"), ramp(1100, 1150, scales=FINER), reading(40.0),
    ramp(1400, 1500),
]  # fmt: skip
in_tmp = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def made(tmp_path):
    return recorded(tmp_path, info(), ITEMS)


def values(path):
    """Return the captured indices of a recording and their signals."""
    with Recording(path) as recording:
        start, stop = recording.bounds
        signals = recording.read(start, stop)
    captured = ~np.isnan(signals).all(axis=0)
    return np.arange(start, stop)[captured], signals[:, captured]


def rows_of(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_a_csv_line_is_a_sample_with_its_times_and_units(made, tmp_path):
    rows = rows_of(exported(made, tmp_path / "out.csv"))
    index, signals = values(made)
    full = [row for row in rows if row["voltage [V]"]]
    assert [int(row["sample"]) for row in full] == index.tolist()
    for k, name in enumerate(("voltage [V]", "current [A]", "power [W]")):
        assert np.array_equal(np.array([float(row[name]) for row in full], np.float32), signals[k])
    assert rows[0]["utc"] == "2023-11-14T22:13:20.100000000Z"
    assert float(rows[1]["time_s"]) == 1e-4


def test_a_gap_is_a_csv_row_without_values_where_it_begins(made, tmp_path):
    rows = rows_of(exported(made, tmp_path / "out.csv"))
    (empty,) = (row for row in rows if not row["voltage [V]"])
    assert (empty["sample"], empty["power [W]"]) == ("1150", "")


def test_beside_a_csv_lies_what_happened_meanwhile(made, tmp_path):
    out = exported(made, tmp_path / "out.csv", codes=True)
    told = json.loads((tmp_path / "out.csv.json").read_bytes())
    assert told["markers"][0]["attrs"] == {"text": "door opened"}
    assert told["slow_channels"][0]["name"] == PLUG.name
    assert told["readings"][0][3] == 40.0
    assert (told["n_gaps"], told["coverage"]) == (1, 0.5)
    row = next(row for row in rows_of(out) if row["sample"] == "1120")
    gain, offset = told["scales"][int(row["scale"])][0]
    assert gain * int(row["voltage [code]"]) + offset == 0.05 * 1120 + 1.0
    assert told["info"]["channels"][0]["probe"]["ratio"] == 10.0


def test_notes_are_exported_as_they_were_edited(made, tmp_path):
    for text in ("gone", "cold"):
        marks.append(made, marks.new_note(text))
    with Recording(made) as recording:
        gone, cold = recording.notes
    marks.append(made, marks.Edit(do="delete", mark=gone.note_id))
    marks.append(made, marks.Edit(do="rename", mark=cold.note_id, text="warm"))
    exported(made, tmp_path / "out.csv")
    told = json.loads((tmp_path / "out.csv.json").read_bytes())
    assert json.loads(told["settings"]["notes"]) == ["warm"]


@in_tmp
@given(stream=streams(), codes=st.booleans())
def test_parquet_holds_every_sample(tmp_path_factory, stream, codes):
    folder = tmp_path_factory.mktemp("parquet")
    of, items = stream
    if not any(isinstance(item, Block) and item.n_samples for item in items):
        return
    path = recorded(folder, of, items)
    table = pq.read_table(exported(path, folder / "out.parquet", codes=codes))
    index, signals = values(path)
    assert table["sample"].to_numpy().tolist() == index.tolist()
    told = json.loads(table.schema.metadata[b"wattstage"])
    assert len(told["markers"]) == len([i for i in items if hasattr(i, "span_id")])
    columns = [table[name].to_numpy() for name in table.column_names]
    if not codes:
        assert np.array_equal(np.array(columns[2:]), signals)
        return
    with Recording(path) as recording:
        blocks = list(recording.blocks())
    assert np.array_equal(np.array(columns[2:-1]), np.concatenate([b.codes for b in blocks], 1))
    told = json.loads(pq.read_metadata(folder / "out.parquet").metadata[b"wattstage_blocks"])
    used = [told["scales"][k] for k in columns[-1]]
    assert used == [
        [[s.gain, s.offset] for s in b.scales] for b in blocks for _ in range(b.n_samples)
    ]


def test_a_range_of_codes_is_cut_to_the_sample(made, tmp_path):
    table = pq.read_table(exported(made, tmp_path / "x.parquet", codes=True, span="5ms:41ms"))
    assert table["sample"].to_pylist() == [*range(1050, 1150), *range(1400, 1410)]
    assert table["voltage [code]"].to_pylist() == [*range(1050, 1150), *range(1400, 1410)]


def test_a_block_that_is_cut_keeps_the_host_s_time_of_its_first_sample(made, tmp_path):
    exported(made, tmp_path / "x.csv", codes=True, span="5ms:41ms")
    told = json.loads((tmp_path / "x.csv.json").read_bytes())
    start, n, host_ns, uncertainty_ns, clipped, scale = told["blocks"][0]
    assert (start, n, scale) == (1050, 50, 0)
    assert host_ns == 1_000 + 1000 + 5_000_000
    assert (uncertainty_ns, clipped) == (7, [1, 0])


def test_wav_is_scaled_to_the_largest_value_and_silent_in_gaps(made, tmp_path):
    content = exported(made, tmp_path / "out.wav", signals="i").read_bytes()
    assert (content[:4], content[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    kind, n_channels, rate = struct.unpack("<HHI", content[20:28])
    assert (kind, n_channels, rate) == (3, 1, 10_000)
    samples = np.frombuffer(content[content.index(b"data") + 8 :], "<f4")
    index, signals = values(made)
    assert len(samples) == 500
    assert np.abs(samples).max() == 1.0
    assert not samples[150:400].any()
    assert samples[index - 1000] == pytest.approx(signals[1] / np.abs(signals[1]).max(), rel=1e-6)
    assert b"full scale is" in content


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.mf4", "a.wav"])
def test_the_size_that_is_said_first_is_about_right(tmp_path, name):
    rng = np.random.default_rng(1)
    codes = rng.integers(-30_000, 30_000, (2, 20_000)).astype("int16")
    path = recorded(tmp_path, info(), [Block(0, codes, FINER, (0, 0), 1, 1)])
    out = exported(path, tmp_path / name)
    with Recording(path) as recording:
        said = choose("", out).n_bytes(Job(recording, select(recording)))
    assert 0.7 < out.stat().st_size / said < 1.1


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jls", "out.mf4", "out.wav"])
def test_an_export_that_is_stopped_leaves_nothing(made, tmp_path, name):
    def stop(done):
        raise KeyboardInterrupt

    out = tmp_path / name
    with Recording(made) as recording:
        job = Job(recording, select(recording))
        with pytest.raises(KeyboardInterrupt):
            exporting.export(job, out, choose("", out), progress=stop)
    assert list(tmp_path.iterdir()) == [made]


def test_an_export_overwrites_nothing(made, tmp_path):
    (tmp_path / "out.csv.json").write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        exported(made, tmp_path / "out.csv")
    assert (tmp_path / "out.csv.json").read_text() == "precious"


def test_what_does_not_fit_on_the_disk_is_refused_before_it_starts(made):
    with pytest.raises(RecordingError, match="are free there"):
        exporting.check_room(made, 1 << 60, "go")


def test_what_a_format_cannot_hold_is_said(made, tmp_path):
    with pytest.raises(ConfigError, match="no codes"):
        exported(made, tmp_path / "out.wav", codes=True)
    with pytest.raises(ConfigError, match="tells no format"):
        exported(made, tmp_path / "out.xyz")


def test_a_library_that_is_not_installed_is_named_with_its_extra(made, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"needs pyarrow.*wattstage\[export\]"):
        exported(made, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == [made]
