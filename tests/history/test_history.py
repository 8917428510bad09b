import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import CHANNELS, Stream, mains

from monitor.history.history import History, bytes_per_sample
from monitor.model import Block, Channel, Probe, Quantity, Scale, StreamInfo, Supply

RATE_HZ = 10_000.0
SCALES = (Scale(0.0125, 0.0), Scale(0.001, 0.0))


def info(**changes):
    settings_ = {
        "channels": CHANNELS, "sample_rate_hz": RATE_HZ, "t0_ns": 0, "t0_uncertainty_ns": 0,
        "dtype": "int16", "continuous": True,
    }  # fmt: skip
    return StreamInfo(**{**settings_, **changes})


def history(seconds=60.0, max_bytes=1 << 28, **changes):
    return History(
        info(**changes), seconds=seconds, max_bytes=max_bytes,
        average_windows_s=(0.02, 0.5), ramp_windows_s=(0.1,),
    )  # fmt: skip


def blocks(rows, *, cuts=(), gaps=(), clipped=(0, 0)):
    """The voltage and current of a stream as codes, in blocks."""
    gain = np.asarray([[scale.gain] for scale in SCALES])
    for start, part in Stream(rows).without(*gaps).blocks(cuts):
        codes = np.round(part[:2] / gain).astype(np.int16)
        yield Block(start, codes, SCALES, clipped, 0, 0)


def filled(rows, *, seconds=60.0, cuts=(), gaps=(), **changes):
    found = history(seconds, **changes)
    for block in blocks(rows, cuts=cuts, gaps=gaps):
        found.append(block)
    return found


def test_the_live_numbers_are_those_of_the_closed_form():
    lag = math.radians(60)
    metrics = filled(mains(20_000, lag=lag)).metrics()
    power = 325 * 10 / 2 * math.cos(lag)
    assert metrics.at == 20_000
    assert metrics.power_w == pytest.approx(power, rel=1e-3)
    assert [a.window_s for a in metrics.averages] == [0.02, 0.5]
    assert [a.mean_w for a in metrics.averages] == pytest.approx([power] * 2, rel=1e-3)
    assert [a.coverage for a in metrics.averages] == [1.0, 1.0]
    assert metrics.vrms_v == pytest.approx(325 / math.sqrt(2), rel=1e-3)
    assert metrics.irms_a == pytest.approx(10 / math.sqrt(2), rel=1e-3)
    assert metrics.line_hz == pytest.approx(50, rel=1e-3)
    assert metrics.energy_j == metrics.captured_j == pytest.approx(2 * power, rel=1e-3)
    assert (metrics.duration_s, metrics.coverage, metrics.n_gaps) == (2.0, 1.0, 0)
    (ramp,) = metrics.ramps
    assert ramp.max_down_w_per_s <= ramp.now_w_per_s <= ramp.max_up_w_per_s
    assert abs(ramp.now_w_per_s) < 0.01 * power


def test_dead_time_lowers_coverage_and_is_filled_with_the_mean():
    gaps = [(k, k + 2000) for k in range(3000, 35_000, 5000)]
    found = filled(mains(40_000), gaps=gaps)
    metrics = found.metrics()
    assert (metrics.coverage, metrics.n_gaps) == (pytest.approx(0.65), 7)
    assert metrics.energy_j == pytest.approx(4 * 1625, rel=1e-3)
    assert metrics.captured_j == pytest.approx(4 * 1625 * 0.65, rel=1e-3)
    assert np.isnan(found.read(3000, 5000)).all()


def test_clipped_samples_are_counted():
    found = history()
    for block in blocks(mains(2000), cuts=[1000], clipped=(2, 1)):
        found.append(block)
    assert found.metrics().n_clipped == 6


def test_a_view_shows_the_extremes_the_averages_and_the_ramps_of_its_columns():
    found = filled(mains(30_000), gaps=[(10_000, 20_000)])
    view = found.view(0, 40_000, 40)
    assert (view.low.shape, view.averages_w.shape, view.ramps_w_per_s.shape) == (
        (3, 40), (2, 40), (1, 40)
    )  # fmt: skip
    empty = (view.edges[1:] > 10_000 + 40) & (view.edges[1:] <= 20_000) | (view.edges[:-1] > 30_000)
    assert np.isnan(view.low[:, empty]).all()
    assert np.isnan(view.averages_w[0, empty]).all()
    assert view.averages_w[:, view.edges[1:] == 10_000] == pytest.approx(1625, rel=1e-3)
    assert np.nanmax(view.high[0]) == pytest.approx(325, rel=1e-3)
    assert np.isfinite(view.ramps_w_per_s[0, 5])
    assert np.isnan(view.averages_w[:, -1]).all()


def test_a_view_may_be_of_a_time_without_data():
    for found in (history(), filled(mains(1000))):
        view = found.view(50_000, 60_000, 100)
        assert np.isnan(view.low).all()
        assert np.isnan(view.averages_w).all()
        assert view.edges[[0, -1]].tolist() == [50_000, 60_000]


@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(0, 30_000), max_size=30),
    start=st.integers(-5000, 35_000),
    span=st.integers(1, 40_000),
    n_columns=st.integers(1, 300),
)
def test_block_size_changes_no_view_and_no_number(cuts, start, span, n_columns):
    rows, gaps = mains(30_000, noise=0.01), [(7777, 9999)]
    one, other = filled(rows, gaps=gaps), filled(rows, gaps=gaps, cuts=cuts)
    a, b = (found.view(start, start + span, n_columns) for found in (one, other))
    assert np.array_equal(a.edges, b.edges)
    assert np.array_equal(a.low, b.low, equal_nan=True)
    assert np.array_equal(a.high, b.high, equal_nan=True)
    assert a.averages_w == pytest.approx(b.averages_w, rel=1e-5, nan_ok=True)
    assert a.ramps_w_per_s == pytest.approx(b.ramps_w_per_s, rel=1e-5, abs=1e-2, nan_ok=True)
    assert one.metrics().energy_j == pytest.approx(other.metrics().energy_j, rel=1e-9)


@settings(max_examples=30)
@given(st.lists(st.integers(-1000, 40_000), min_size=1, max_size=20))
def test_running_sums_are_exact_to_the_sample(indices):
    found = filled(mains(30_000, phase=1.0), gaps=[(12_345, 13_000)])
    samples = found.read(0, 30_000).astype(np.float64)
    sums, n = found.cumulative(indices)
    for k, at in enumerate(indices):
        before = samples[:, : max(at, 0)]
        assert sums[:, k] == pytest.approx(np.nansum(before, axis=1), rel=1e-9, abs=1e-6)
        assert n[k] == np.count_nonzero(~np.isnan(before[0]))


def test_old_samples_are_forgotten_but_not_their_energy():
    found = filled(mains(100_000), seconds=1.0, cuts=range(0, 100_000, 3000))
    start, stop = found.bounds
    assert stop == 100_000
    assert 85_000 <= start <= 90_000
    assert found.first == 0
    assert found.duration_s == 10.0
    assert np.isnan(found.read(0, 100)).all()
    assert np.isfinite(found.read(start, stop)).all()
    assert found.metrics().energy_j == pytest.approx(16_250, rel=1e-3)
    view = found.view(start - 10_000, stop, 100)
    assert np.isnan(view.low[:, view.edges[1:] <= start]).all()
    assert np.isfinite(view.low[:, view.edges[:-1] >= start]).all()


def test_memory_is_bounded_whatever_the_sample_rate():
    fast = info(sample_rate_hz=1e6)
    found = history(seconds=3600, max_bytes=1 << 24, sample_rate_hz=1e6)
    held = found._ring._codes.nbytes + found._track._pyramid._totals.nbytes
    held += sum(level._low.nbytes + level._high.nbytes for level in found._track._pyramid.levels)
    assert 0.9 < held / (1 << 24) < 1.1
    assert found._track.capacity == pytest.approx((1 << 24) / bytes_per_sample(fast), rel=1e-3)


def test_a_wrong_block_changes_nothing():
    found = filled(mains(2000))
    before = found.metrics()
    with pytest.raises(ValueError, match="from index 1999 overlaps those up to 2000"):
        found.append(Block(1999, np.zeros((2, 5), np.int16), SCALES, (1, 1), 0, 0))
    assert found.metrics() == before


def test_channels_that_make_no_power_are_refused_at_the_start():
    with pytest.raises(ValueError, match="one voltage and one current"):
        history(channels=CHANNELS[:1])


def test_a_probe_is_folded_in_once():
    channels = (
        Channel(name="v", quantity=Quantity.VOLTAGE, probe=Probe(ratio=10.0, offset=0.5)),
        Channel(name="i", quantity=Quantity.CURRENT, probe=Probe(ratio=2.0)),
    )
    found = history(channels=channels, supply=Supply.DC)
    codes = np.asarray([[100] * 1000, [1000] * 1000], np.int16)
    found.append(Block(0, codes, SCALES, (0, 0), 0, 0))
    v, i, p = found.read(0, 1)[:, 0]
    assert (v, i, p) == pytest.approx((13.0, 2.0, 26.0))
    assert found.metrics().power_w == pytest.approx(26.0)
    assert found.summary(0, 1000)[2].mean == pytest.approx(26.0)
    assert found.peak(0, 1000) == pytest.approx(26.0)
    assert (found.supply, found.peak_window_s, found.n_gaps) == (Supply.DC, 1e-4, 0)
