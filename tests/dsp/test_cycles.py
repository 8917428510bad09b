import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import Stream, mains

from monitor.dsp.cycles import Cycles
from monitor.dsp.pyramid import Pyramid, hop_for
from monitor.model import Supply

ANY = settings(max_examples=40)
SECOND = 10_000


def cycles_of(stream, cuts=(), rate_hz=10_000.0):
    pyramid = Pyramid(3, hop_for(rate_hz), stream.rows.shape[1])
    cycles = Cycles(pyramid, power=2, voltage=0, current=1, sample_rate_hz=rate_hz)
    newest = None
    for start, rows in stream.blocks(cuts):
        if start != newest:
            cycles.advance(final=True)
            cycles.restart(start)
        pyramid.append(start, rows)
        cycles.advance()
        newest = start + rows.shape[1]
    return cycles


@ANY
@given(hz=st.floats(45, 65), phase=st.floats(0, 6.28), rate_hz=st.sampled_from([1e4, 1e5]))
def test_cycles_begin_where_the_voltage_rises_through_zero(hz, phase, rate_hz):
    n = round(0.3 * rate_hz)
    cycles = cycles_of(Stream(mains(n, rate_hz=rate_hz, hz=hz, phase=phase)), rate_hz=rate_hz)
    # A sample stands for the time up to the next, so its own time is in the middle.
    true = ((2 * np.pi * np.arange(30) - phase) / (2 * np.pi * hz)) * rate_hz + 0.5
    nearest = np.abs(cycles.found.starts[:, np.newaxis] - true).min(axis=1) / rate_hz
    assert nearest.max() < 2e-6
    assert len(cycles.found) >= math.floor(0.3 * hz) - 2
    assert np.array_equal(cycles.found.starts[1:], cycles.found.stops[:-1])


@pytest.mark.parametrize("rate_hz", [1e3, 2.5e3, 4873.0, 1e6])
def test_slow_and_fast_instruments_see_the_same_power(rate_hz):
    n = round(2 * rate_hz)
    track = Stream(mains(n, rate_hz=rate_hz, hz=60.0, lag=0.5, phase=2.0)).track(rate_hz=rate_hz)
    assert track.supply is Supply.MAINS
    assert track.average(n, 1.0)[0] == pytest.approx(1625 * math.cos(0.5), rel=1e-4)
    assert track.newest()[3] == pytest.approx(60.0, rel=1e-4)


def test_crossings_stand_still_under_noise():
    rate_hz = 100_000.0
    noisy = mains(1_000_000, rate_hz=rate_hz, phase=1.0, noise=0.01)
    cycles = cycles_of(Stream(noisy), rate_hz=rate_hz)
    assert len(cycles.found) == 499
    error = (cycles.found.starts - 0.5) / rate_hz - (np.arange(1, 500) - 1 / (2 * np.pi)) / 50.0
    assert np.sqrt(np.mean(error**2)) < 5e-6


@ANY
@given(
    cuts=st.lists(st.integers(0, 3 * SECOND), max_size=20),
    gaps=st.lists(st.integers(0, 3 * SECOND), max_size=6),
    hz=st.floats(45, 65),
)
def test_cycles_do_not_depend_on_where_blocks_are_cut(cuts, gaps, hz):
    whole = Stream(mains(3 * SECOND, hz=hz, noise=0.02, lag=0.5))
    stream = whole.without(*((at, at + 333) for at in gaps))
    a, b = cycles_of(stream), cycles_of(stream, cuts)
    assert a.found.starts == pytest.approx(b.found.starts, abs=1e-6)
    assert a.found.stops == pytest.approx(b.found.stops, abs=1e-6)
    at = np.arange(0.0, 3 * SECOND, 77.0)
    for mine, other in zip(
        (*a.found.averages(at, 0.1), a.found.ramps(at, 0.1), a.newest()),
        (*b.found.averages(at, 0.1), b.found.ramps(at, 0.1), b.newest()),
        strict=True,
    ):
        assert mine == pytest.approx(other, rel=1e-7, abs=1e-6, nan_ok=True)


def test_a_cycle_never_reaches_over_a_gap():
    gaps = [(2345, 2346), (9000, 9100), (15_000, 19_999)]
    cycles = cycles_of(Stream(mains(3 * SECOND)).without(*gaps))
    for start, stop in zip(cycles.found.starts, cycles.found.stops, strict=True):
        assert not any(start < b and a < stop for a, b in gaps)
    lost = 150 - len(cycles.found)
    assert 1 + 1 + 25 <= lost <= 2 + 2 + 27 + 1


def test_what_is_no_line_cycle_is_left_out():
    fast, slow = mains(SECOND, hz=100.0), mains(SECOND, hz=30.0)
    assert len(cycles_of(Stream(fast)).found) == 0
    assert len(cycles_of(Stream(slow)).found) == 0
    mixed = np.concatenate((mains(SECOND), fast, mains(SECOND)), axis=1)
    lengths = np.diff(
        np.stack((cycles_of(Stream(mixed)).found.starts, cycles_of(Stream(mixed)).found.stops)),
        axis=0,
    )
    assert lengths.size >= 95
    assert np.all((lengths > 140) & (lengths < 260))


def test_noise_around_zero_makes_no_extra_crossing():
    rng = np.random.default_rng(1)
    rows = mains(10 * SECOND)
    rows[0] += 20 * rng.normal(size=10 * SECOND)
    assert len(cycles_of(Stream(rows)).found) == 498


@pytest.mark.parametrize("degrees", [0, 30, 60, 85])
def test_the_power_of_whole_cycles_is_that_of_the_closed_form(degrees):
    lag = math.radians(degrees)
    stream = Stream(mains(300_000, rate_hz=100_000.0, lag=lag, phase=0.3))
    track = stream.track(supply=Supply.MAINS, rate_hz=100_000.0)
    true = 325 * 10 / 2 * math.cos(lag)
    apparent = 325 * 10 / 2
    assert track.average(300_000, 1.0)[0] == pytest.approx(true, abs=1e-6 * apparent)
    assert track.average(300_000, 0.02)[0] == pytest.approx(true, abs=2e-5 * apparent)
    power, vrms, irms, line_hz = track.newest()
    assert power == pytest.approx(true, abs=2e-5 * apparent)
    assert vrms == pytest.approx(325 / math.sqrt(2), rel=2e-5)
    assert irms == pytest.approx(10 / math.sqrt(2), rel=2e-5)
    assert line_hz == pytest.approx(50.0, rel=1e-5)


def test_the_pulsation_of_mains_power_is_no_ramp():
    stream = Stream(mains(5 * SECOND, lag=0.4))
    track = stream.track(ramp_windows_s=(0.02, 0.1, 1.0))
    for window_s, most in ((0.02, 100.0), (0.1, 5.0), (1.0, 0.1)):
        up, down = track.ramp_extremes(window_s)
        assert max(abs(up), abs(down)) < most  # W/s, of 1500 W that swing by 3000 W in 5 ms


def test_a_window_is_the_nearest_whole_number_of_cycles():
    track = Stream(mains(5 * SECOND, hz=49.0)).track(supply=Supply.MAINS)
    cycle = 1 / 49.0
    for window_s in (0.001, 0.02, 0.1, 0.25, 1.0):
        mean, coverage = track.average(5 * SECOND, window_s)
        assert mean == pytest.approx(1625.0, rel=1e-4)
        assert coverage == 1.0
    step = mains(5 * SECOND, hz=49.0)
    step[2, 40_000:] += 1000.0
    track = Stream(step).track(supply=Supply.MAINS)
    at = 40_000 + 5 * cycle * SECOND
    mean, _ = track.average(round(at) + 40, 10 * cycle)
    assert 0.3 < (mean - 1625) / 1000 < 0.6, "half of ten cycles lie after the step"


def test_an_average_ends_with_the_last_cycle_and_not_in_a_gap():
    gap = (20_000, 25_000)
    track = Stream(mains(4 * SECOND)).without(gap).track(supply=Supply.MAINS)
    at = np.asarray([20_100, 20_350, 22_000, 24_900, 25_050, 26_000])
    mean, coverage = track.averages(at, 0.02)
    assert np.isnan(mean).tolist() == [False, True, True, True, True, False]
    assert coverage[[0, 5]].tolist() == [1.0, 1.0]
    mean, coverage = track.averages(at, 1.0)
    assert mean == pytest.approx(np.full(6, 1625.0), rel=1e-5)
    assert coverage == pytest.approx([1.0, 0.98, 0.8, 0.5, 0.5, 0.48], abs=0.05)


def test_what_is_old_is_forgotten():
    stream = Stream(mains(20 * SECOND))
    track = stream.track(supply=Supply.MAINS, capacity=SECOND)
    assert np.isnan(track.average(10 * SECOND, 0.02)[0])
    assert track.average(20 * SECOND, 0.5) == pytest.approx((1625.0, 1.0), rel=1e-5)
    assert track.peak(19 * SECOND, 20 * SECOND, stream.read) == pytest.approx(1625.0, rel=1e-3)


def test_the_peak_is_the_highest_cycle_inside_or_else_one_that_overlaps():
    rows = mains(2 * SECOND, phase=-0.1)
    rows[2, 5000:5200] *= 2
    rows[2, 10_050] = 1e5
    track = Stream(rows).track(supply=Supply.MAINS)
    read = Stream(rows).read
    assert track.peak(0, 9000, read) == pytest.approx(3250, rel=0.02)
    assert track.peak(6000, 9000, read) == pytest.approx(1625, rel=1e-3)
    assert track.peak(9000, 20_000, read) == pytest.approx(1625 + 1e5 / 200, rel=0.01)
    assert track.peak(5040, 5080, read) == pytest.approx(3250, rel=0.02)
    assert math.isnan(track.peak(30_000, 40_000, read))
    assert math.isnan(track.peak(0, 3, read))
