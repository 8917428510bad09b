import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import CHANNELS, CURRENT, RATE_HZ, VOLTAGE, Stream, feed, gapped, mains

from monitor.dsp.track import Track
from monitor.model import Channel, Quantity, Summary, Supply

ANY = settings(max_examples=50)
METER = Channel(name="meter", quantity=Quantity.POWER)
windows = st.sampled_from([0.0001, 0.001, 0.0123, 0.1, 1.0])


def whole_bins(stream, at, window_s, hop):
    """The samples of the window on DC: the nearest whole number of bins up to ``at``."""
    n = max(1, round(window_s * RATE_HZ / hop)) * hop
    stop = at // hop * hop
    return stream.read(stop - n, stop)[-1].astype(np.float64)


@ANY
@given(gapped(), windows, st.data())
def test_an_average_on_dc_is_the_mean_of_what_was_captured(case, window_s, data):
    stream, cuts = case
    track = stream.track(cuts, supply=Supply.DC)
    at = data.draw(st.lists(st.integers(stream.first - 50, stream.stop + 50), min_size=1))
    mean, coverage = track.averages(np.asarray(at), window_s)
    for k, place in enumerate(at):
        window = whole_bins(stream, place, window_s, track.hop)
        known = window[~np.isnan(window)]
        if not stream.first < place <= stream.stop or not known.size:
            assert math.isnan(mean[k])
            assert coverage[k] == 0.0
        else:
            assert mean[k] == pytest.approx(known.mean(), rel=1e-9, abs=1e-7)
            assert coverage[k] == pytest.approx(known.size / window.size)


@ANY
@given(gapped(), windows, st.data())
def test_a_ramp_is_the_difference_of_two_windows(case, window_s, data):
    stream, cuts = case
    track = stream.track(cuts, supply=Supply.DC)
    at = data.draw(st.lists(st.integers(stream.first + 1, stream.stop), min_size=1))
    ramps = track.ramps(np.asarray(at), window_s)
    for place, ramp in zip(at, ramps, strict=True):
        now = whole_bins(stream, place, window_s, track.hop)
        before = whole_bins(stream, place - now.size, window_s, track.hop)
        if min(np.isfinite(now).mean(), np.isfinite(before).mean()) < 0.5:
            assert math.isnan(ramp)
        else:
            expected = (np.nanmean(now) - np.nanmean(before)) * RATE_HZ / now.size
            assert ramp == pytest.approx(expected, rel=1e-7, abs=1e-4)


@ANY
@given(gapped(), st.data())
def test_the_summary_of_any_range_is_that_of_its_samples(case, data):
    stream, cuts = case
    place = st.integers(stream.first - 50, stream.stop + 50)
    start, stop = sorted((data.draw(place), data.draw(place)))
    found = stream.track(cuts, supply=Supply.DC).summary(start, stop, stream.read)
    for signal, row in zip(found, stream.read(start, stop), strict=True):
        expected = Summary.of(row[~np.isnan(row)])
        assert (signal.n, signal.min, signal.max) == (expected.n, expected.min, expected.max)
        assert signal.sum == pytest.approx(expected.sum, rel=1e-9, abs=1e-6)
        assert signal.sum_sq == pytest.approx(expected.sum_sq, rel=1e-9, abs=1e-6)


@ANY
@given(gapped(), st.sampled_from(list(Supply)), st.sampled_from(["noise", "mains", "dc"]))
def test_where_blocks_are_cut_changes_nothing(case, supply, kind):
    stream, cuts = case
    lost = np.isnan(stream.rows[-1])
    n = lost.size
    if kind != "noise":
        stream.rows[:] = mains(n, noise=0.01) if kind == "mains" else feed(np.arange(n) % 700)
        stream.rows[:, lost] = np.nan
    one = stream.track(supply=supply, ramp_windows_s=(0.001, 0.05))
    other = stream.track(cuts, supply=supply, ramp_windows_s=(0.001, 0.05))
    assert one.supply == other.supply
    assert one.n_gaps == other.n_gaps == len(list(stream.runs())) - 1
    at = np.arange(stream.first, stream.stop + 100, 7)
    answers = [
        (
            *track.averages(at, 0.05),
            track.ramps(at, 0.02),
            track.newest(),
            np.asarray([track.ramp_extremes(w) for w in (0.001, 0.05)]).ravel(),
            *track.cumulative(at, stream.read)[0],
            np.asarray(track.peak(stream.first, stream.stop, stream.read)),
        )
        for track in (one, other)
    ]
    for mine, others in zip(*answers, strict=True):
        assert mine == pytest.approx(others, rel=1e-9, abs=1e-4, nan_ok=True)


def test_a_gap_only_adds_nan_and_lowers_coverage():
    power = 100 + 50 * np.sin(np.arange(30_000) / 300)
    whole = Stream(feed(power))
    broken = whole.without((10_003, 12_345))
    before, after = (s.track(supply=Supply.DC) for s in (whole, broken))
    at = np.arange(1, 30_001)
    for window_s in (0.01, 0.1):
        mean, coverage = before.averages(at, window_s)
        mean_after, coverage_after = after.averages(at, window_s)
        untouched = (at < 10_000) | (at > 12_350 + window_s * RATE_HZ)
        assert mean_after[untouched] == pytest.approx(mean[untouched], nan_ok=True)
        assert np.all(coverage_after <= coverage + 1e-12)
        inside = (at > 10_004 + window_s * RATE_HZ + 4) & (at < 12_345)
        assert np.isnan(mean_after[inside]).all()


@pytest.mark.parametrize("window_s", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("supply", [Supply.DC, Supply.MAINS])
def test_a_step_of_power_ramps_by_its_height_over_the_window(window_s, supply):
    rows = feed(np.where(np.arange(50_000) < 24_000, 100.0, 400.0))
    if supply is Supply.MAINS:
        rows[0] = mains(50_000)[0]
    track = Stream(rows).track(supply=supply, ramp_windows_s=(window_s,))
    up, down = track.ramp_extremes(window_s)
    # On mains a window is whole cycles: the step falls on the edge of one here.
    length = window_s if supply is Supply.DC else max(window_s, 0.02)
    assert up == pytest.approx(300.0 / length, rel=2e-3)
    assert abs(down) < 1e-3 * up
    late = 0 if supply is Supply.DC else 20  # samples: a cycle is seen to end a little later
    at = np.asarray([24_000 + round(length * RATE_HZ) + late])
    assert track.ramps(at, window_s)[0] == pytest.approx(300.0 / length, rel=0.03)


def test_a_peak_of_the_ramp_is_held_that_no_display_has_seen():
    power = np.full(30_000, 100.0)
    power[12_000:12_040] = 500.0
    track = Stream(feed(power)).track(supply=Supply.DC, ramp_windows_s=(0.004,))
    up, down = track.ramp_extremes(0.004)
    assert up == pytest.approx(400 / 0.004, rel=1e-3)
    assert down == pytest.approx(-400 / 0.004, rel=1e-3)
    assert track.ramps(np.asarray([30_000]), 0.004)[0] == pytest.approx(0.0, abs=1e-2)
    with pytest.raises(KeyError):
        track.ramp_extremes(0.1)


def test_a_dc_feed_has_its_power_its_volts_and_no_frequency():
    stream = Stream(feed(np.full(20_000, 240.0)))
    track = stream.track()
    assert track.supply is Supply.DC
    power, vrms, irms, line_hz = track.newest()
    assert (power, vrms, irms) == pytest.approx((240.0, 12.0, 20.0), rel=1e-6)
    assert math.isnan(line_hz)
    sums, n = track.cumulative(np.asarray([0, 5001, 20_000]), stream.read)
    assert sums[2] / RATE_HZ == pytest.approx([0, 240 * 0.5001, 480.0], rel=1e-6)
    assert n.tolist() == [0, 5001, 20_000]
    assert track.peak_window_s == 1 / RATE_HZ


@pytest.mark.parametrize("block", [1, 77, 999, 1000, 5000])
def test_the_supply_is_known_after_a_tenth_of_a_second(block):
    rows = mains(5000)
    track = Track(CHANNELS, RATE_HZ, Supply.AUTO, capacity=5000)
    for start in range(0, 5000, block):
        track.append(start, rows[:, start : start + block])
        known = min(start + block, 5000) >= 1000
        assert track.supply is (Supply.MAINS if known else Supply.AUTO)
    assert track.peak_window_s == pytest.approx(0.02, rel=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(feed(np.full(2000, 100.0)), id="12 V"),
        pytest.param(mains(2000, volts=10.0) + 12.0, id="12 V with a strong ripple"),
        pytest.param(mains(2000, hz=400.0), id="aircraft"),
        pytest.param(np.zeros((3, 2000), np.float32), id="nothing connected"),
    ],
)
def test_what_shows_no_line_cycle_is_dc(rows):
    assert Stream(rows).track().supply is Supply.DC


@pytest.mark.parametrize("supply", list(Supply))
def test_without_a_voltage_there_are_no_line_cycles_to_see(supply):
    power = np.full((2, 2000), 50.0, np.float32)
    track = Track((METER,), RATE_HZ, supply, capacity=2000)
    track.append(0, power)
    assert track.supply is Supply.DC
    assert track.newest()[0] == 50.0
    assert all(math.isnan(value) for value in track.newest()[1:])


def test_before_the_first_sample_nothing_is_known():
    track = Track(CHANNELS, RATE_HZ, Supply.AUTO, capacity=100, ramp_windows_s=(0.1,))
    nothing = Stream(np.empty((3, 0), np.float32))
    assert track.bounds == (0, 0)
    assert track.first == 0
    assert all(math.isnan(value) for value in (*track.newest(), *track.ramp_extremes(0.1)))
    assert math.isnan(track.average(0, 1.0)[0])
    assert math.isnan(track.peak(0, 100, nothing.read))
    assert track.cumulative(np.asarray([5]), nothing.read)[1].tolist() == [0]
    edges, low, _ = track.envelope(0, 100, 10, nothing.read)
    assert edges.tolist() == list(range(0, 101, 10))
    assert np.isnan(low).all()


def test_an_overlap_is_refused_by_both_indices_and_changes_nothing():
    stream = Stream(feed(np.full(100, 12.0)), 50)
    track = stream.track(supply=Supply.DC)
    with pytest.raises(ValueError, match="from index 149 overlap those up to 150"):
        track.append(149, stream.rows)
    with pytest.raises(ValueError, match="expected 3 signals, got 2"):
        track.append(150, stream.rows[:2])
    track.append(150, stream.rows[:, :0])
    assert (track.bounds, track.n_samples, track.n_gaps) == ((50, 150), 100, 0)


def test_slow_instruments_have_averages_too():
    channels = (VOLTAGE, CURRENT)
    for rate_hz in (1.0, 10.0, 100.0):
        track = Track(channels, rate_hz, Supply.AUTO, capacity=1000)
        for k in range(200):
            track.append(k, feed([float(k)]))
        assert track.supply is Supply.DC
        n = max(1, round(10 * rate_hz))
        assert track.average(200, 10.0)[0] == pytest.approx(np.mean(np.arange(200)[-n:]))
