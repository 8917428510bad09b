"""How late a slow channel is: against sums over cells, and against sensors made of arithmetic."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.dsp.lag import lag
from monitor.dsp.trailing import Shape, Trailing

STEP_S = 0.01
sensors = st.sampled_from(Shape).flatmap(
    lambda shape: st.floats(0.05, 1.0).flatmap(
        lambda width_s: st.tuples(
            st.just(shape),
            # It shows nothing before it happens, but for a clock that is a little off.
            st.floats(width_s * (0.5 if shape is Shape.BOXCAR else 1.0) - 0.02, 1.8),
            st.just(width_s),
        )
    )
)


def load(seconds, seed=0):
    """Steps of irregular height and length, with noise: mean W of each cell."""
    random = np.random.default_rng(seed)
    n = round(seconds / STEP_S)
    power = np.empty(n)
    k = 0
    while k < n:
        length = 5 + round(random.exponential(1.2) / STEP_S)
        power[k : k + length] = random.choice([80.0, 150.0, 300.0, 400.0]) + random.normal(0, 5)
        k += length
    return power + random.normal(0, 3, n)


def read(trailing, sensor, *, seed=0, gain=0.8, offset=-20.0, noise_w=2.0):
    """Return the readings of a sensor, ten a second, each at some time within 20 ms."""
    random = np.random.default_rng(seed)
    times_s = np.arange(*trailing.span_s, 0.1)
    times_s += random.uniform(0.0, 0.02, times_s.size)
    shown = trailing.at(times_s, *sensor)
    return times_s, gain * shown + offset + random.normal(0, noise_w, times_s.size)


@given(
    power=st.lists(st.floats(-100, 100), min_size=3, max_size=30),
    at=st.integers(0, 30),
    width=st.integers(1, 12),
)
def test_a_boxcar_is_the_mean_of_its_cells(power, at, width):
    trailing = Trailing(np.asarray(power), 5.0, 0.5)
    stop = min(at, len(power))
    cells = power[max(stop - width, 0) : stop]
    if stop - width < 0:
        return  # what was before is not known
    shown = trailing.at(np.asarray([5.0 + 0.5 * stop]), Shape.BOXCAR, 0.25 * width, 0.5 * width)
    assert shown[0] == pytest.approx(sum(cells) / width, abs=1e-9)


@given(
    power=st.lists(st.floats(-100, 100), min_size=2, max_size=30), constant_s=st.floats(0.3, 5.0)
)
def test_a_low_pass_filter_is_the_recursion_of_its_cells(power, constant_s):
    step_s, mean = 0.5, sum(power) / len(power)
    trailing = Trailing(np.asarray(power), 0.0, step_s)
    shown, state = [], mean  # before the first cell nothing is known but the mean
    for value in power:
        state += (1 - math.exp(-step_s / constant_s)) * (value - state)
        shown.append(state)
    times_s = step_s * np.arange(1, len(power) + 1)
    ours = trailing.at(times_s, Shape.FIRST_ORDER, constant_s, constant_s)
    np.testing.assert_allclose(ours, shown, atol=0.1)  # eight constants are taken for all


@given(
    power=st.lists(st.just(math.nan) | st.floats(0, 9), min_size=1, max_size=20).filter(
        lambda cells: not all(map(math.isnan, cells))
    ),
    ends=st.tuples(st.integers(-5, 25), st.integers(-5, 25)),
)
def test_what_was_not_captured_is_counted(power, ends):
    start, stop = sorted(ends)
    trailing = Trailing(np.asarray(power), 0.0, 1.0)
    if start == stop:
        return
    missing = [not 0 <= k < len(power) or math.isnan(power[k]) for k in range(start, stop)]
    share = trailing.share_missing(np.asarray([float(start)]), np.asarray([float(stop)]))
    assert share[0] == pytest.approx(sum(missing) / len(missing), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(sensor=sensors, seed=st.integers(0, 99))
def test_the_delay_and_the_window_of_a_sensor_are_found(sensor, seed):
    shape, delay_s, width_s = sensor
    trailing = Trailing(load(60.0, seed), 100.0, STEP_S)
    found = lag(trailing, *read(trailing, sensor, seed=seed))
    assert abs(found.delay_s - delay_s) < 5 * found.delay_uncertainty_s < 0.1
    assert found.gain == pytest.approx(0.8, rel=0.03)
    assert found.correlation > 0.99
    if width_s > 0.2:  # of a short one the shape does not matter
        assert found.shape is shape
        assert abs(found.window_s - width_s) < 5 * found.window_uncertainty_s < 0.2


def test_no_other_place_of_a_fine_grid_explains_the_readings_better():
    sensor = (Shape.BOXCAR, 0.62, 1.0)
    trailing = Trailing(load(40.0), 0.0, STEP_S)
    times_s, values_w = read(trailing, sensor)
    found = lag(trailing, times_s, values_w)

    def left(delay_s, window_s):
        kept = (times_s >= 6.0) & (times_s <= trailing.span_s[1] - 0.5)
        shown = trailing.at(times_s[kept], found.shape, delay_s, window_s)
        terms = np.stack([shown, np.ones_like(shown)], axis=1)
        rest = values_w[kept] - terms @ np.linalg.lstsq(terms, values_w[kept], rcond=None)[0]
        return float(rest @ rest)

    grid = [(d, w) for d in np.arange(0.4, 0.9, 0.02) for w in np.arange(0.5, 1.5, 0.05)]
    assert left(found.delay_s, found.window_s) <= min(left(*place) for place in grid)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.1, 10.0), offset_w=st.floats(-500, 500), shift_s=st.floats(-0.3, 0.3))
def test_gain_and_offset_change_no_delay_and_a_clock_that_is_off_adds_to_it(
    gain, offset_w, shift_s
):
    trailing = Trailing(load(40.0), 0.0, STEP_S)
    times_s, values_w = read(trailing, (Shape.BOXCAR, 0.7, 0.6))
    before = lag(trailing, times_s, values_w)
    kept = slice(10, -10)  # so that the same are usable
    after = lag(
        Trailing(load(40.0), shift_s, STEP_S),
        times_s[kept] + 2 * shift_s,
        gain * values_w[kept] + offset_w,
    )
    assert after.delay_s - before.delay_s == pytest.approx(shift_s, abs=0.01)
    assert after.window_s == pytest.approx(before.window_s, abs=0.02)
    assert after.gain == pytest.approx(gain * before.gain, rel=0.01)


def test_where_edges_and_readings_go_in_step_the_delay_is_only_known_to_a_step():
    random = np.random.default_rng(5)
    power = np.repeat(random.choice([80.0, 150.0, 300.0, 400.0], 80), 50)  # changes every 0.5 s
    times_s = np.arange(0.05, 40.0, 0.1)
    values_w = power[np.floor(times_s / STEP_S).astype(int)] + random.normal(0, 0.1, 400)
    found = lag(Trailing(power, 0.0, STEP_S), times_s, values_w)
    assert abs(found.delay_s) < 0.06
    assert 0.02 < found.delay_uncertainty_s < 0.06, "any delay within 50 ms fits"


def test_values_that_repeat_tell_nothing_and_are_left_out():
    trailing = Trailing(load(40.0), 0.0, STEP_S)
    times_s, values_w = read(trailing, (Shape.BOXCAR, 0.7, 0.6))
    late_s = np.sort(np.concatenate([times_s, times_s + 0.05]))
    found = lag(trailing, late_s, np.repeat(values_w, 2))
    assert found == lag(trailing, times_s, values_w)


def test_what_lies_in_a_gap_is_left_out():
    power = load(60.0)
    trailing = Trailing(power, 0.0, STEP_S)
    times_s, values_w = read(trailing, (Shape.BOXCAR, 0.7, 0.6))
    holed = power.copy()
    holed[2000:2200] = np.nan
    found = lag(Trailing(holed, 0.0, STEP_S), times_s, values_w)
    whole = lag(trailing, times_s, values_w)
    assert found.delay_s == pytest.approx(whole.delay_s, abs=0.01)
    assert whole.n_readings - 90 < found.n_readings < whole.n_readings - 70


def refused(power, values=None):
    trailing = Trailing(power, 0.0, STEP_S)
    times_s, values_w = read(trailing, (Shape.BOXCAR, 0.5, 0.5), noise_w=0.1)
    with pytest.raises(ValueError, match=r".") as caught:
        lag(trailing, times_s, values_w if values is None else values)
    return str(caught.value)


def test_it_is_not_stated_where_everything_fits():
    power = np.repeat([100.0, 400.0], [2000, 4000])
    times_s = np.append(np.arange(6.0, 19.0, 0.25), 58.0)
    values_w = np.append(100.0 + 0.01 * np.arange(52), 400.0)
    with pytest.raises(ValueError, match="the readings fit every delay around"):
        lag(Trailing(power, 0.0, STEP_S), times_s, values_w)


def test_it_is_not_stated_where_nothing_tells_it():
    random = np.random.default_rng(0)
    assert refused(load(8.0)).startswith("18 of its 80 readings are new and have samples for 6 s")
    assert "the load hardly varies: by 0." in refused(100.0 + random.normal(0, 0.5, 4000))
    square = np.where(np.arange(4000) // 100 % 2, 400.0, 100.0)
    assert refused(square + random.normal(0, 1, 4000)).startswith(
        "the load repeats itself: a delay"
    )
    assert "the two show different things" in refused(load(40.0), random.normal(0, 9, 400))
    assert refused(load(40.0), np.ones(400)).startswith("0 of its 400 readings are new")
    upside_down = Trailing(load(40.0), 0.0, STEP_S).at(np.arange(400) / 10, Shape.BOXCAR, 0.5, 0.5)
    assert "the two show different things" in refused(load(40.0), -upside_down)
    with pytest.raises(ValueError, match="nothing was captured"):
        Trailing(np.full(9, np.nan), 0.0, STEP_S)
