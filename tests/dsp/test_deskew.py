"""Channels that are late are brought to one time, live and from a file to the same numbers."""

import itertools
import math

import msgspec
import numpy as np
import pytest
from fakes import INFO, SCALES
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.deskew import Deskew
from monitor.dsp.power import signals
from monitor.history.history import History
from monitor.model import Block, Calibration
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

RATE_HZ = INFO.sample_rate_hz


def late(*samples):
    """The channels, each as many samples late as told."""
    return tuple(
        msgspec.structs.replace(
            channel,
            probe=msgspec.structs.replace(
                channel.probe, calibration=Calibration(deskew_s=each / RATE_HZ)
            ),
        )
        for channel, each in zip(INFO.channels, samples, strict=True)
    )


def oracle(values, delays):
    """Sample by sample: what was there so much earlier, on a straight line; at first, the first."""
    found = np.empty(values.shape)
    for row, delay in enumerate(delays):
        for k in range(values.shape[1]):
            at = max(k - delay, 0.0)
            below = math.floor(at)
            above = min(below + 1, values.shape[1] - 1)
            share = at - below
            found[row, k] = (1 - share) * values[row, below] + share * values[row, above]
    return found


lateness = st.floats(0, 7) | st.integers(0, 7)


@given(lateness, lateness, st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_channel_is_delayed_to_the_latest(v, i, n, seed):
    values = np.random.default_rng(seed).normal(size=(2, n)).astype(np.float32)
    rows = signals(values, INFO.channels)
    Deskew(late(v, i), RATE_HZ).append(5, rows)
    expected = oracle(values, [max(v, i) - v, max(v, i) - i])
    assert rows[:2] == pytest.approx(expected, abs=1e-4)
    assert rows[2] == pytest.approx(expected[0] * expected[1], abs=1e-3)


def test_a_negative_lateness_is_an_early_channel():
    rows = signals(np.arange(20, dtype=np.float32).reshape(2, 10), INFO.channels)
    Deskew(late(-2, 0), RATE_HZ).append(0, rows)
    assert rows[0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert rows[1].tolist() == list(range(10, 20))


@given(lateness, lateness, st.lists(st.integers(0, 60), max_size=6), st.integers(0, 2**32 - 1))
def test_where_blocks_are_cut_changes_nothing(v, i, cuts, seed):
    values = np.random.default_rng(seed).normal(size=(2, 60)).astype(np.float32)
    whole, pieces = (signals(values, INFO.channels) for _ in range(2))
    Deskew(late(v, i), RATE_HZ).append(0, whole)
    deskew = Deskew(late(v, i), RATE_HZ)
    places = [0, *sorted(cuts), 60]
    for start, stop in itertools.pairwise(places):
        deskew.append(start, pieces[:, start:stop])
    assert np.array_equal(whole, pieces)


def test_without_deskew_nothing_is_touched():
    rows = np.full((3, 5), np.nan, np.float32)
    rows[0] = 1
    deskew = Deskew(late(3, 3), RATE_HZ)
    deskew.append(0, rows)
    assert deskew.lead == 0
    assert rows[0].tolist() == [1] * 5
    assert np.isnan(rows[1:]).all()


def session():
    """Blocks without a pattern, one after a gap, each of other codes."""
    rng = np.random.default_rng(1)
    starts = [(100, 700), (800, 3), (803, 400), (5000, 900), (5950, 50)]
    return [
        Block(start, rng.integers(-999, 999, (2, n)).astype(np.int16), SCALES, (0, 0), 0, 0)
        for start, n in starts
    ]


@pytest.fixture(scope="module", params=[(0.0, 2.4), (3.0, 0.0), (0.25, 0.75)])
def both(request, tmp_path_factory):
    """The same session live and in a file, with deskew."""
    info = msgspec.structs.replace(INFO, channels=late(*request.param))
    path = tmp_path_factory.mktemp("deskew") / "a.h5"
    live = History(
        info, seconds=60, max_bytes=1 << 30, average_windows_s=(0.1,), ramp_windows_s=(0.1,)
    )
    with Recorder(path, info) as recorder:
        for block in session():
            recorder.write(block)
            live.append(block)
    with Recording(path) as recording:
        yield live, recording


@given(st.integers(0, 6100), st.integers(0, 700))
def test_any_range_read_from_file_or_memory_is_what_came_live(both, start, n):
    live, recording = both
    expected = np.full((3, 6100), np.nan, np.float32)
    deskew = Deskew(recording.info.channels, RATE_HZ)
    for block in session():
        values = (block.codes * np.float32(0.001)).astype(np.float32)
        rows = signals(values, INFO.channels)
        deskew.append(block.start, rows)
        expected[:, block.start : block.stop] = rows
    stop = min(start + n, 6100)
    if stop < start:
        return
    for held in (live, recording):
        assert held.read(start, stop) == pytest.approx(
            expected[:, start:stop], nan_ok=True, abs=1e-6
        )
    assert np.array_equal(live.read(start, stop), recording.read(start, stop), equal_nan=True)


def test_sums_are_those_of_what_is_read(both):
    live, recording = both
    start, stop = recording.bounds
    for held in (live, recording):
        sums, n = held.cumulative([start, 850, 5100, stop])
        total = np.nansum(held.read(start, stop).astype(np.float64), axis=1)
        assert sums[:, -1] - sums[:, 0] == pytest.approx(total, rel=1e-5, abs=1e-3)
        assert n[-1] - n[0] == recording.n_samples
