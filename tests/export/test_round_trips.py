"""What is exported and imported again is what it was: the same codes, or the same to float32."""

import asyncio
import contextlib
import json

import numpy as np
import pyjls
import pytest
from export.exports import exported, recorded
from hypothesis import HealthCheck, assume, given, settings
from recording.sessions import CHANNELS, PLUG, info, note, ramp, reading, streams

from monitor.analysis.stage_table import stage_table
from monitor.errors import ConfigError, RecordingError, WattstageError
from monitor.model import NS, Block, Edge, Marker, Scale
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.sources.exported.csv_file import csv_source
from monitor.sources.exported.jls_file import jls_source
from monitor.sources.exported.parquet_file import parquet_source

SOURCES = {"csv": csv_source, "parquet": parquet_source, "jls": jls_source}
FINER = (Scale(0.05, 1.0), Scale(0.025, -2.0))
many = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
formats = pytest.mark.parametrize("form", SOURCES)


def imported(path, to):
    """Record what a file holds."""

    async def work():
        async with SOURCES[path.suffix[1:]](path) as source:
            with Recorder(to, source.info) as recorder:
                async with contextlib.aclosing(source.items()) as items:
                    async for item in items:
                        recorder.put(item)
        assert not recorder.state.error

    asyncio.run(work())
    return to


def without_far_gaps(items, most=20_000):
    """Return whether a format that fills gaps can hold it in a test."""
    blocks = [item for item in items if isinstance(item, Block) and item.n_samples]
    return bool(blocks) and blocks[-1].stop - blocks[0].start < most


@formats
@many
@given(stream=streams())
def test_codes_come_back_as_they_were(tmp_path_factory, form, stream):
    of, items = stream
    assume(without_far_gaps(items))
    folder = tmp_path_factory.mktemp("codes")
    path = recorded(folder, of, items)
    again = imported(exported(path, folder / f"x.{form}", codes=True), folder / "again.h5")
    with Recording(path) as a, Recording(again) as b:
        blocks = [block for block in a.blocks() if block.n_samples]
        found = [block for block in b.blocks() if block.n_samples]
        assert [x.start for x in found] == [x.start for x in blocks]
        for x, y in zip(blocks, found, strict=True):
            assert np.array_equal(x.codes, y.codes)
            assert (x.scales, x.clipped, x.host_ns) == (y.scales, y.clipped, y.host_ns)
        assert sorted(map(repr, a.markers)) == sorted(map(repr, b.markers))
        assert sorted(map(repr, a.slow)) == sorted(map(repr, b.slow))
        assert np.array_equal(a.read(*b.bounds), b.read(*b.bounds), equal_nan=True)


@formats
@many
@given(stream=streams())
def test_values_come_back_to_float32(tmp_path_factory, form, stream):
    of, items = stream
    assume(without_far_gaps(items))
    folder = tmp_path_factory.mktemp("values")
    path = recorded(folder, of, items)
    again = imported(exported(path, folder / f"x.{form}"), folder / "again.h5")
    with Recording(path) as a, Recording(again) as b:
        before, after = a.read(*a.bounds), b.read(*b.bounds)
        some = np.flatnonzero(~np.isnan(before[0]))
        before = before[:, some[0] : some[-1] + 1]  # an empty block may be at an end
        assert np.array_equal(np.isnan(before), np.isnan(after))
        peaks = np.nanmax(np.abs(before), axis=1, keepdims=True)
        assert (np.nan_to_num(np.abs(before - after)) <= 1e-6 * peaks + 1e-37).all()
        captured = ~np.isnan(before)
        assert (before == after)[:-1][
            captured[:-1] & (np.abs(before) > peaks / 100 + 1e-30)[:-1]
        ].all()


def edge(stage, kind, at_s, span_id, seq):
    return Marker(
        time_ns=info().t0_ns + round(at_s * NS), stage=stage, edge=kind, run_id="r",
        span_id=span_id, seq=seq, received_ns=info().t0_ns + round(at_s * NS),
    )  # fmt: skip


HELD = reading(40.0, info().t0_ns + 3 * NS // 10)
SESSION = [
    ramp(1000, 3000), edge("clip", Edge.BEGIN, 0.15, "c", 1), note("door"), HELD,
    ramp(3000, 4000, scales=FINER), ramp(4500, 6000), edge("clip", Edge.END, 0.5, "c", 2),
]  # fmt: skip


@formats
@pytest.mark.parametrize("codes", [True, False])
@pytest.mark.parametrize("part", [{}, {"stage": "clip"}, {"span": "50ms:450ms"}])
def test_the_energy_of_a_stage_is_the_same_after_a_round_trip(tmp_path, form, codes, part):
    path = recorded(tmp_path, info(), SESSION)
    again = imported(exported(path, tmp_path / f"x.{form}", codes=codes, **part), tmp_path / "b.h5")
    with Recording(path) as a, Recording(again) as b:
        (before,), (after,) = stage_table(a, "x").stages, stage_table(b, "x").stages
        assert PLUG in b.slow.channels
    if "span" not in part:
        assert after.energy_j == pytest.approx(before.energy_j, rel=1e-6)
        assert after.coverage == pytest.approx(before.coverage)
        assert after.stage == before.stage
    else:
        assert after.duration_s == pytest.approx(0.35)


@formats
def test_an_exported_power_becomes_a_recording_and_a_lone_voltage_does_not(tmp_path, form):
    path = recorded(tmp_path, info(), SESSION)
    power = imported(exported(path, tmp_path / f"p.{form}", signals="v,p"), tmp_path / "p.h5")
    with Recording(path) as a, Recording(power) as b:
        assert [c.name for c in b.info.channels] == ["power"]
        assert b.read(*b.bounds)[0] == pytest.approx(a.read(*a.bounds)[2], rel=1e-6, nan_ok=True)
    lone = exported(path, tmp_path / f"v.{form}", signals="v")
    with pytest.raises(ConfigError, match="export voltage and current, or the power"):
        SOURCES[form](lone)


def test_what_a_calibration_is_uncertain_of_survives_though_it_is_in_the_values(tmp_path):
    path = recorded(tmp_path, info(), SESSION)
    again = imported(exported(path, tmp_path / "x.csv"), tmp_path / "b.h5")
    with Recording(again) as b:
        assert [c.probe.ratio for c in b.info.channels] == [1.0, 1.0]
        assert [c.name for c in b.info.channels] == [c.name for c in CHANNELS]


@formats
def test_a_file_that_is_cut_short_is_an_error_and_no_recording(tmp_path, form):
    path = recorded(tmp_path, info(), SESSION)
    out = exported(path, tmp_path / f"x.{form}", codes=True)
    content = out.read_bytes()
    out.write_bytes(content[: len(content) // 2 // 8 * 8])
    with pytest.raises(RecordingError):
        imported(out, tmp_path / "b.h5")


def test_a_csv_without_the_file_beside_it_says_so(tmp_path):
    out = exported(recorded(tmp_path, info(), SESSION), tmp_path / "x.csv")
    (tmp_path / "x.csv.json").unlink()
    with pytest.raises(RecordingError, match=r"x\.csv\.json cannot be read"):
        csv_source(out)


def test_a_file_of_a_joulescope_becomes_a_recording_with_its_notes(tmp_path):
    path = tmp_path / "joulescope.jls"
    first = {"current": 100, "voltage": 110, "power": 100}  # they need not begin together
    with pyjls.Writer(str(path)) as out:
        out.source_def(1, name="JS220-000123")
        for k, (name, begin) in enumerate(first.items(), start=1):
            unit = {"c": "A", "v": "V", "p": "W"}[name[0]]
            out.signal_def(
                k, source_id=1, sample_rate=10_000, data_type=pyjls.DataType.F32, name=name,
                units=unit,
            )  # fmt: skip
            at_ns = info().t0_ns + begin * 100_000 - 1_514_764_800 * NS
            out.utc(k, begin, (at_ns << 30) // NS)
            out.fsr(k, begin, np.arange(begin, 20_000, dtype=np.float32))
        out.annotation(1, 500, float("nan"), pyjls.AnnotationType.TEXT, 0, "door")
    with Recording(imported(path, tmp_path / "made.h5")) as made:
        assert [c.name for c in made.info.channels] == ["voltage", "current"]
        assert made.read(0, 2)[:2].tolist() == [[110.0, 111.0], [110.0, 111.0]]
        assert made.n_samples == 20_000 - 110
        assert abs(made.start_ns - info().t0_ns - 110 * 100_000) <= 1
        (mark,) = made.markers
        assert mark.attrs == {"text": "door"}
        assert abs(mark.time_ns - info().t0_ns - 500 * 100_000) <= 1


def test_what_is_no_jls_file_is_said(tmp_path):
    (tmp_path / "x.jls").write_bytes(b"something else")
    with pytest.raises(RecordingError, match="no JLS file"):
        jls_source(tmp_path / "x.jls")


def test_a_jls_file_in_which_a_bit_flipped_is_called_damaged(tmp_path):
    out = exported(recorded(tmp_path, info(), SESSION), tmp_path / "x.jls")
    data = bytearray(out.read_bytes())
    data[data.index(b'"sample_rate_hz"')] ^= 1
    out.write_bytes(data)
    with pytest.raises(RecordingError, match=r"x\.jls is damaged: .*; copy it again"):
        jls_source(out)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.clear(), "missing required field"),
        (lambda told: told.update(wattstage=99), "newer version"),
        (lambda told: told["imported_info"].update(dtype="O"), "contradictory"),
        (lambda told: told["imported_info"].update(sample_rate_hz=0), "contradictory"),
        (lambda told: told["imported_info"].update(sample_rate_hz=float("nan")), "contradictory"),
        (lambda told: told["imported_info"].update(channels=[]), "no power in it"),
        (lambda told: told.update(imported_columns=[0, 9]), "contradictory"),
        (lambda told: told.update(largest=[float("inf")] * 3), "contradictory"),
        (lambda told: told["readings"].append([7, 0, 0, 0.0]), "does not tell"),
        (lambda told: told["blocks"][0].__setitem__(1, -1), "table of blocks is damaged"),
        (lambda told: told["blocks"][0].__setitem__(0, 10**30), "table of blocks is damaged"),
        (lambda told: told["blocks"][0].__setitem__(5, 9), "table of blocks is damaged"),
        (lambda told: told["blocks"][0].__setitem__(4, []), "table of blocks is damaged"),
        (lambda told: told["blocks"][0].__setitem__(0, 5), "expected samples 5 to"),
        (lambda told: told["blocks"].append([9999, 10**9, 0, 0, [0, 0], 0]), "is cut short"),
    ],
)
def test_what_an_export_is_said_to_hold_is_checked(tmp_path, change, said):
    out = exported(recorded(tmp_path, info(), SESSION), tmp_path / "x.csv", codes=True)
    beside = tmp_path / "x.csv.json"
    told = json.loads(beside.read_bytes())
    change(told)
    beside.write_text(json.dumps(told))
    with pytest.raises(WattstageError, match=said):
        imported(out, tmp_path / "b.h5")


def test_a_row_that_somebody_edited_is_named(tmp_path):
    out = exported(recorded(tmp_path, info(), SESSION), tmp_path / "x.csv", codes=True)
    out.write_text(out.read_text().replace(",1500,-1500,", ",oops,-1500,"))
    with pytest.raises(RecordingError, match="was it edited"):
        imported(out, tmp_path / "b.h5")
