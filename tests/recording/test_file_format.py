"""What docs/reference/file-format.md says is so: with h5py alone, and nothing of ours."""

import dataclasses
import json
import re
import zlib
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from recording.sessions import PLUG, WATER, info, note, ramp, reading, value

from monitor.analysis.stage_table import stage_table
from monitor.model import Block, Edge, Marker, Reading, Scale
from monitor.recording import schema
from monitor.recording.checksums import TABLES
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

PAGE = Path(__file__).parents[2] / "docs/reference/file-format.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
ITEMS = [
    ramp(0, 5000),
    note("a"),
    reading(412.5),
    ramp(7000, 12_000),
    ramp(12_000, 15_000, scales=(Scale(2.0, 0.0), Scale(0.125, 3.0))),
    note("b"),
    *(
        Marker(
            time_ns=1_700_000_000_000_000_000 + at_ns, stage="vae_decode", edge=edge, span_id="s"
        )
        for edge, at_ns in ((Edge.BEGIN, 800_030_000), (Edge.END, 1_400_070_000))
    ),
    reading(21.0, 1_700_000_001_000_000_000, WATER),
    reading(413.0, 1_700_000_002_000_000_000),
]


@pytest.fixture(autouse=True)
def session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Recorder(tmp_path / "session.h5", info()) as recorder:
        for item in ITEMS:
            recorder.put(item)
    return tmp_path / "session.h5"


def test_ten_lines_give_the_energy_of_a_stage(session):
    names = {}
    exec(CODE[0], names)
    with Recording(session) as recording:
        (stage,) = stage_table(recording, "session.h5").stages
    assert stage.coverage == 1.0
    assert names["energy_j"] == pytest.approx(stage.energy_j, rel=1e-6)
    whole = [_cut(block, 8001, 14_001) for block in ITEMS if isinstance(block, Block)]
    assert names["energy_j"] == pytest.approx(sum(map(_joules, whole)), rel=1e-12)
    lines = CODE[0].partition("with h5py")[2].splitlines()
    assert len(lines) == 10


def _cut(block, start, stop):
    """Return what of a block lies in ``[start, stop)``."""
    first, last = (min(max(at - block.start, 0), block.n_samples) for at in (start, stop))
    return dataclasses.replace(block, start=block.start + first, codes=block.codes[:, first:last])


def _joules(block):
    values = [
        value(channel.probe, scale.gain * row.astype(float) + scale.offset)
        for channel, scale, row in zip(info().channels, block.scales, block.codes, strict=True)
    ]
    return np.sum(values[0] * values[1]) / 10_000.0


def test_the_markers_are_as_described():
    names = {}
    exec(CODE[1], names)
    expected = [msgspec.to_builtins(m) for m in ITEMS if isinstance(m, Marker)]
    assert names["markers"] == expected


def test_the_readings_are_as_described(capsys):
    exec(CODE[2], {})
    expected = [
        f"{r.time_ns} {r.channel.name} {r.value} {r.channel.unit}"
        for r in ITEMS
        if isinstance(r, Reading)
    ]
    assert capsys.readouterr().out.splitlines() == expected


def test_the_checksums_are_as_described(session):
    exec(CODE[3], {})
    with h5py.File(session, "r+") as file:
        rows = file["checksums"][:]
        names = ["info", "settings", "corrections", "set", "part", "after"]
        attributes = [names[row["table"] - 7] for row in rows if row["table"] >= 7]
        assert attributes == ["info", "settings", "set", "part", "after"]
        for name, row in zip(attributes, rows, strict=False):
            text = str(file.attrs[name]).encode()
            assert (row["n"], row["crc"]) == (len(text), zlib.crc32(text))
        for row in rows[-6:]:
            table = file[TABLES[row["table"]]][:]
            assert (row["n"], row["crc"]) == (len(table), zlib.crc32(table.tobytes()))
        file["codes"][1, 4321] ^= 1
    with pytest.raises(AssertionError):
        exec(CODE[3], {})


def test_the_checksums_of_summaries_are_as_described(session):
    with h5py.File(session) as file:
        for name, data in file["summaries"].items():
            if not name.endswith("_crc"):
                sums = file[f"summaries/{name}_crc"]
                bins = sums.attrs["bins"]
                for row, values in zip(sums[:], data[:], strict=True):
                    for k, (n, crc) in enumerate(row.tolist()):
                        assert zlib.crc32(values[k * bins :][:n].tobytes()) == crc
                    assert sum(n for n, _ in row.tolist()) == len(values)


def test_every_name_of_the_file_is_on_the_page(session):
    text = PAGE.read_text()
    with h5py.File(session, "r") as file:
        for name in file.attrs:
            assert f"attribute `{name}`" in text
        for name, data in file.items():
            assert f"`/{name}`" in text
            for column in getattr(data, "dtype", np.dtype("u1")).names or ():
                assert f"`{column}`" in text
        for name, data in file["summaries"].items():
            assert "`" + re.sub("[0-9]", "K", name) + "`" in text
            assert all(f"attribute `{attribute}`" in text for attribute in data.attrs)
        assert all(f"attribute `{name}`" in text for name in file["summaries"].attrs)
        fields = *msgspec.structs.asdict(ITEMS[1]), *msgspec.structs.asdict(PLUG)
        for field in (*json.loads(file.attrs["info"]), *fields):
            assert f"`{field}`" in text
        assert file["codes"].chunks == (1, 65_536)
        assert "65,536 samples of one\nchannel" in text
        assert "52 bytes and 4 per channel" in text
        assert file["blocks"].dtype.itemsize == 52 + 2 * 4
        assert "a reading 36" in text
        assert file["readings"].dtype.itemsize == 36
    assert f"schema version {schema.SCHEMA_VERSION}." in text


def test_the_order_of_items_is_that_of_the_recording(session):
    with h5py.File(session, "r") as file:
        assert file["blocks"]["order"].tolist() == [0, 3, 4]
        assert file["markers"]["order"].tolist() == [1, 5, 6, 7]
        assert file["readings"]["order"].tolist() == [2, 8, 9]
        assert file["readings"]["channel"].tolist() == [0, 1, 0]
        assert file["status"][:].tolist() == [1, 0, 0]
