"""What was recorded is what is read."""

import contextlib
import itertools
import math
import tempfile
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording.sessions import (
    PLUG,
    SCALES,
    WATER,
    info,
    note,
    oracle,
    ramp,
    reading,
    same,
    streams,
)  # fmt: skip

from monitor.dsp.track import Track
from monitor.dsp.view import view_of
from monitor.model import Block, Edge, Marker, Scale, Supply
from monitor.recording.info import info as facts
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder


def record(path, stream, items, **changes):
    with Recorder(path, stream, **changes) as recorder:
        for item in items:
            recorder.put(item)
    assert recorder.state.error == ""
    assert recorder.n_dropped == 0
    return path


@contextlib.contextmanager
def recording_of(items):
    """A recording in a folder of its own, for each example of a law."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Recording(record(Path(folder) / "r.h5", info(), items)) as recording,
    ):
        yield recording


@pytest.fixture
def recorded(tmp_path):
    def make(items, stream=None, **changes):
        return Recording(record(tmp_path / "r.h5", stream or info(), items, **changes))

    return make


def blocks_of(items):
    return [item for item in items if isinstance(item, Block)]


@given(streams(), st.data())
@settings(max_examples=60)
def test_every_item_comes_back_in_order_and_equal_in_every_field(stream_and_items, data):
    stream, items = stream_and_items
    blocks = blocks_of(items)
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder) / "r.h5", stream, items, settings={"who": "µ"})
        if not blocks:
            assert not path.exists()
            return
        with Recording(path) as recording:
            assert recording.info == stream
            assert recording.settings == {"who": "µ"}
            assert recording.closed
            back = list(recording.items())
            assert len(back) == len(items)
            assert all(map(same, back, items))
            assert all(map(same, recording.blocks(), blocks))
            assert recording.n_blocks == len(blocks)
            assert recording.n_samples == sum(b.n_samples for b in blocks)
            assert recording.n_clipped == sum(sum(b.clipped) for b in blocks)
            assert recording.bounds == (blocks[0].start, blocks[-1].stop)
            gaps = [b.start > a.stop for a, b in itertools.pairwise(blocks)]
            assert recording.n_gaps == sum(gaps)
            start = recording.bounds[0] + data.draw(st.integers(-20, 2000))
            stop = start + data.draw(st.integers(0, 300))
            rows = oracle(stream, items, start, stop)
            largest = float(np.fmax.reduce(np.abs(rows), axis=None, initial=10.0))
            rows = oracle(stream, items, start, stop)
            largest = float(np.fmax.reduce(np.abs(rows), axis=None, initial=10.0))
            np.testing.assert_allclose(recording.read(start, stop), rows, atol=1e-6 * largest)


@given(st.lists(st.integers(1, 4999), max_size=8), st.sets(st.integers(0, 49), max_size=10))
@settings(max_examples=25)
def test_how_it_was_cut_changes_no_answer(cuts, missing):
    whole = ramp(0, 5000)
    edges = sorted({0, 5000, *cuts, *(100 * k for k in missing), *(100 * k + 100 for k in missing)})
    parts = [
        Block(a, whole.codes[:, a:b], SCALES, (0, 0), 0, 0)
        for a, b in itertools.pairwise(edges)
        if a // 100 not in missing
    ]
    if not parts:
        return
    captured = np.zeros(5000, bool)
    for part in parts:
        captured[part.start : part.stop] = True
    with recording_of(parts) as recording:
        rows = oracle(info(), [whole], 0, 5000)
        rows[:, ~captured] = np.nan
        start, stop = recording.bounds
        np.testing.assert_allclose(recording.read(0, 5000), rows, rtol=1e-6)
        at = np.unique(np.clip([*cuts, start, stop], start, stop))
        sums, n = recording.cumulative(at)
        np.testing.assert_array_equal(n, [captured[:k].sum() for k in at])
        expected = np.stack([np.nansum(rows[:, :k], axis=1) for k in at], axis=1)
        np.testing.assert_allclose(sums, expected, rtol=1e-6, atol=1e-6)
        assert recording.peak(start, stop) == pytest.approx(np.nanmax(rows[-1]), rel=1e-6)
        assert recording.coverage == pytest.approx(captured.sum() / (stop - start))


@given(st.integers(0, 4000), st.integers(1, 1500), st.integers(1, 300))
@settings(max_examples=25)
def test_a_view_keeps_the_extremes_of_every_column(start, span, n_columns):
    items = [ramp(0, 2000), ramp(2300, 4000)]
    with recording_of(items) as recording:
        view = recording.view(start, start + span, n_columns, (0.02,), (0.1,))
        samples = recording.read(int(view.edges[0]), int(view.edges[-1]))
    assert view.edges[0] <= start
    assert view.edges[-1] >= start + span
    for k, (a, b) in enumerate(zip(view.edges, view.edges[1:], strict=False)):
        column = samples[:, a - view.edges[0] : b - view.edges[0]]
        np.testing.assert_array_equal(view.low[:, k], np.fmin.reduce(column, axis=1))
        np.testing.assert_array_equal(view.high[:, k], np.fmax.reduce(column, axis=1))


def test_a_view_is_that_of_a_track_that_saw_the_same_samples(recorded):
    items = [ramp(0, 2000), ramp(2300, 4000)]
    with recorded(items) as recording:
        track = Track(info().channels, 10_000.0, info().supply, capacity=4000)
        for block in items:
            track.append(block.start, recording.read(block.start, block.stop))
        got = recording.view(0, 4000, 300, (0.02, 0.1), (0.1,))
        columns = track.envelope(0, 4000, 300, recording.read)
        expected = view_of(track, columns, (0.02, 0.1), (0.1,))
    for name in ("edges", "low", "high", "averages_w", "ramps_w_per_s"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))


def test_the_lines_over_line_cycles_are_those_of_a_track_that_saw_the_same_samples(tmp_path):
    angle = 2 * np.pi * 50 * np.arange(45_000) / 10_000.0 + 0.7
    amps = np.where(np.arange(45_000) < 31_000, 50, 100) * np.sin(angle)
    codes = np.stack((16_000 * np.sin(angle), amps)).astype(np.int16)
    stream = msgspec.structs.replace(info(), continuous=False, supply=Supply.AUTO)
    scales = (Scale(0.02, 0.0), Scale(0.1, 0.0))
    blocks = [Block(at, codes[:, at : at + 20_000], scales, (0, 0), 0, 1) for at in (0, 25_000)]
    with Recording(record(tmp_path / "r.h5", stream, blocks)) as recording:
        track = Track(stream.channels, 10_000.0, stream.supply, capacity=45_000,
                      ramp_windows_s=(0.1,))  # fmt: skip
        for block in blocks:
            track.append(block.start, recording.read(block.start, block.stop))
        got = recording.view(0, 45_000, 300, (0.02,), (0.1,))
        columns = track.envelope(0, 45_000, 300, recording.read)
        expected = view_of(track, columns, (0.02,), (0.1,))
    assert np.isfinite(got.average_lines_w).sum() > 300
    for name in ("average_lines_w", "ramp_lines_w_per_s"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(got.coverage, expected.coverage, atol=12 / 150)


def test_blocks_longer_and_shorter_than_a_pass_give_the_same_numbers(recorded, monkeypatch):
    monkeypatch.setattr("monitor.recording.samples._PASS", 1000)
    items = [ramp(0, 2500), *(ramp(k, k + 10) for k in range(2500, 3000, 10)), ramp(3100, 3200)]
    with recorded(items) as recording:
        assert all(map(same, recording.blocks(), items))
        rows = oracle(info(), items, 0, 3200)
        sums, n = recording.cumulative([3200])
    assert n[0] == 3100
    np.testing.assert_allclose(sums[:, 0], np.nansum(rows, axis=1), rtol=1e-6)


def test_a_change_of_scale_in_mid_stream_is_kept(recorded):
    other = (Scale(5.0, 0.0), Scale(1.0, 0.0))
    items = [ramp(0, 10), ramp(10, 20, scales=other), ramp(20, 30)]
    with recorded(items) as recording:
        assert [b.scales for b in recording.blocks()] == [SCALES, other, SCALES]
        np.testing.assert_allclose(recording.read(0, 30), oracle(info(), items, 0, 30))


@pytest.mark.parametrize(
    "attrs",
    [{"x": math.nan}, {"x": math.inf}, {"x": 2**80}, {"x": "\ud800"}, {"": ""}, {"x": None}],
    ids=["nan", "infinity", "a big integer", "half a character", "nothing", "null"],
)
def test_any_attribute_of_a_marker_comes_back(recorded, attrs):
    marker = Marker(time_ns=2**70, stage="s", edge=Edge.BEGIN, attrs=attrs)
    with recorded([marker, ramp(0, 10)]) as recording:
        assert same(recording.markers[0], marker)


def test_readings_are_found_by_channel_and_time(recorded):
    t0 = info().t0_ns
    second = 1_000_000_000
    late_first = [reading(float(k), t0 + k * second) for k in (3, 1, 2, 9)]
    items = [ramp(0, 10), *late_first, reading(21.5, t0 + 2 * second, WATER), ramp(10, 20)]
    with recorded(items) as recording:
        slow = recording.slow
        assert (slow.channels, len(slow)) == ((PLUG, WATER), 5)
        assert list(slow) == items[1:6]
        times, values = slow.read(PLUG, t0 + second, t0 + 3 * second)
        assert times.tolist() == [t0 + second, t0 + 2 * second]
        assert values.tolist() == [1.0, 2.0]
        plug, water = slow.view(t0, t0 + 20 * second, 100)
        assert (plug.channel, plug.low.tolist()) == (PLUG, [1.0, 2.0, 3.0, 9.0])
        assert plug.starts_ns[3] == t0 + 9 * second - second // 2, "behind a gap: its own window"
        assert water.low.tolist() == [21.5]
        plug, water = slow.values(t0 + second + 1)
        assert (plug.value, plug.age_s) == (1.0, 1e-9)
        assert math.isnan(water.value)


def test_a_recording_without_slow_channels_has_none(recorded):
    with recorded([ramp(0, 10)]) as recording:
        assert (recording.slow.channels, len(recording.slow)) == ((), 0)
        assert recording.slow.view(0, 10, 10) == recording.slow.values(0) == ()


def test_the_facts_are_those_of_the_recording(recorded):
    items = [ramp(100, 1100), note("a"), reading(1.0), ramp(2100, 5100), reading(2.0)]
    with recorded(items) as recording:
        assert facts(recording) == {
            "schema_version": 2,
            "lost": [],
            "damage": [],
            "runs": [],
            "start_ns": 1_700_000_000_010_000_000,
            "duration_s": 0.5,
            "sample_rate_hz": 10_000.0,
            "channels": [
                {"name": "voltage", "quantity": "voltage", "unit": "V"},
                {"name": "current", "quantity": "current", "unit": "A"},
            ],
            "n_samples": 4000,
            "n_blocks": 2,
            "n_gaps": 1,
            "coverage": 0.8,
            "n_markers": 1,
            "slow_channels": [
                {
                    "name": "plug",
                    "source": "test, µ",
                    "unit": "W",
                    "interval_s": 1.0,
                    "window_s": 0.5,
                    "note": "",
                    "n_readings": 2,
                }
            ],
            "n_files": 1,
            "part": 1,
            "ended": True,
            "closed": True,
        }


def test_the_facts_need_no_samples(recorded, monkeypatch):
    with recorded([ramp(0, 1000)]) as recording:
        monkeypatch.setattr(recording._samples, "_codes", None)
        facts(recording)


def test_reducing_tells_how_far_it_is_and_can_be_cancelled(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr("monitor.recording.samples._PASS", 1000)
    recorded([ramp(0, 5000), ramp(5000, 10_000)]).close()
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        del file["summaries"]
    shares = []

    def cancel(share):
        shares.append(share)
        if len(shares) == 1:
            raise KeyboardInterrupt

    with Recording(tmp_path / "r.h5", progress=cancel) as recording:
        with pytest.raises(KeyboardInterrupt):
            recording.peak(0, 10)
        recording.peak(0, 10)
    assert shares == [0.5, 0.5, 1.0]


def test_the_timeline_is_what_the_markers_say(recorded):
    t0 = info().t0_ns
    edges = [
        msgspec.structs.replace(note(""), stage="run", edge=edge, span_id="s", time_ns=t0 + at)
        for edge, at in ((Edge.BEGIN, 10_000_000), (Edge.END, 90_000_000))
    ]
    with recorded([edges[0], ramp(0, 1000), edges[1], note("hi", t0 + 50_000_000)]) as recording:
        timeline = recording.timeline(t0, t0 + 100_000_000)
    assert [(s.name, s.start_ns, s.stop_ns) for s in timeline.stages] == [
        ("run", t0 + 10_000_000, t0 + 90_000_000)
    ]
    assert [m.attrs["text"] for m in timeline.marks] == ["hi"]
