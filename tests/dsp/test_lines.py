"""What is drawn of averages and ramps: one value per line cycle, and every extreme of a ramp."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import RATE_HZ, Stream, feed, mains

from monitor.dsp.hold import MaxHold, extremes_between
from monitor.dsp.view import view_of

SECOND = int(RATE_HZ)
CYCLE = 200
GAPS = [(2345, 3111), (9000, 9700), (15_050, 19_999)]
RAMPS_S = (0.1, 1.0)


def steps(n, gaps=(), at=(0.8, 1.7, 2.4)):
    """A mains load that steps, with gaps."""
    rows = mains(n)
    scale = np.ones(n)
    for k, place in enumerate(at):
        scale[round(place * SECOND) :] = (0.3, 1.4, 0.6)[k]
    rows[1] *= scale
    rows[2] *= scale
    return Stream(rows).without(*gaps)


def lines(track, stream, start, stop, n_columns):
    columns = track.envelope(start, stop, n_columns, stream.read)
    return view_of(track, columns, (0.02,), RAMPS_S)


@settings(deadline=None, max_examples=25)
@given(n_columns=st.integers(1, 4000))
def test_no_extreme_of_a_ramp_falls_between_columns(n_columns):
    stream = steps(3 * SECOND, GAPS)
    track = stream.track(ramp_windows_s=RAMPS_S)
    low, high = lines(track, stream, 0, 3 * SECOND, n_columns).ramp_lines_w_per_s
    for k, window in enumerate(RAMPS_S):
        up, down = track.ramp_extremes(window)
        assert np.nanmax(high[k]) == pytest.approx(up, rel=1e-6)
        assert np.nanmin(low[k]) == pytest.approx(down, rel=1e-6)


def test_of_a_ramp_over_little_nothing_is_drawn_in_a_gap():
    stream = steps(3 * SECOND, GAPS)
    track = stream.track(ramp_windows_s=RAMPS_S)
    low, _ = lines(track, stream, 0, 3 * SECOND, 3000).ramp_lines_w_per_s
    middle = np.arange(3000) * 10 + 5
    for a, b in GAPS:
        assert np.isnan(low[0, (middle > a + 1.5 * CYCLE) & (middle < b)]).all()


def test_on_dc_no_extreme_of_a_ramp_falls_between_columns_either():
    power = np.full(3 * SECOND, 120.0)
    power[SECOND : SECOND + 500] = 900.0
    stream = Stream(feed(power))
    track = stream.track(ramp_windows_s=RAMPS_S)
    for n_columns in (1, 7, 300):
        low, high = lines(track, stream, 0, 3 * SECOND, n_columns).ramp_lines_w_per_s
        up, down = track.ramp_extremes(0.1)
        assert (np.nanmin(low[0]), np.nanmax(high[0])) == pytest.approx((down, up), rel=1e-6)


def test_a_line_cycle_has_one_value_over_itself_and_a_gap_has_none():
    stream = steps(3 * SECOND, GAPS)
    track = stream.track()
    low, high = (each[0] for each in lines(track, stream, 0, 3 * SECOND, 3000).average_lines_w)
    middle = np.arange(3000) * 10 + 5
    for a, b in GAPS:
        assert np.isnan(low[(middle > a + 10) & (middle < b - 10)]).all()
        before, after = middle[middle < a - 2 * CYCLE][-1], middle[middle > b + 2 * CYCLE][0]
        assert np.isfinite(low[[before // 10, after // 10]]).all(), "whole cycles close to a gap"
    place = round(0.8 * SECOND) // 10
    assert low[place - 2] == pytest.approx(1625, rel=1e-2), "up to the step, not a cycle later"
    assert high[place + 2] == pytest.approx(0.3 * 1625, rel=1e-2)


def test_in_an_overview_the_highest_and_the_lowest_cycle_are_there():
    power = mains(3 * SECOND)
    power[1:, 12_000:12_200] *= 2.0  # a single cycle
    stream = Stream(power)
    track = stream.track()
    low, high = (each[0] for each in lines(track, stream, 0, 3 * SECOND, 10).average_lines_w)
    assert np.nanmax(high) == pytest.approx(track.peak(0, 3 * SECOND, stream.read))
    assert low[4] == pytest.approx(1625, rel=1e-2)


@given(
    values=st.lists(st.floats(-5, 5) | st.just(np.nan), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 20), min_size=2, max_size=8),
)
def test_extremes_between_places_are_those_of_a_loop(values, cuts):
    values = np.array(values, np.float32)
    cuts = np.minimum(sorted(cuts), len(values))
    low, high = extremes_between(values, values, cuts[:-1], cuts[1:])
    for k, (a, b) in enumerate(itertools.pairwise(cuts)):
        part = values[a:b][~np.isnan(values[a:b])]
        assert low[k] == pytest.approx(part.min() if part.size else np.nan, nan_ok=True)
        assert high[k] == pytest.approx(part.max() if part.size else np.nan, nan_ok=True)


def test_of_old_ramps_at_least_half_of_the_capacity_is_remembered():
    class Rising:
        def ramps(self, at, window_s):
            return at.astype(np.float64)

        def averages(self, at, window_s):
            raise NotImplementedError

    hold = MaxHold((0.1,), cell=10, capacity=20)
    for k in range(50):
        hold.look(Rising(), np.arange(k * 10.0 + 1, k * 10.0 + 11))
    low, high = hold.columns(np.array([400, 410, 500]), 0.1)
    assert (low.tolist(), high.tolist()) == ([401, 411], [410, 500])
    assert hold[0.1] == (500, 1)
    assert hold.columns(np.array([400, 410]), 1.0) is None


@pytest.mark.parametrize("n_columns", [1, 10, 77, 3000])
def test_a_column_tells_how_much_of_it_was_captured(n_columns):
    stream = steps(3 * SECOND, GAPS)
    view = lines(stream.track(), stream, 0, 3 * SECOND, n_columns)
    there = ~np.isnan(stream.rows[-1])
    for k, (a, b) in enumerate(itertools.pairwise(view.edges)):
        if b - a < 32:  # narrow: all or nothing
            assert view.coverage[k] == float(there[a:b].any())
        else:
            assert view.coverage[k] == pytest.approx(there[a:b].mean(), abs=2 * 4 / (b - a))
