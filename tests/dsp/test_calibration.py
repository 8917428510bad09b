"""Zero, gain, deskew and their uncertainties: found again in signals where they are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.calibration import (
    Level,
    Point,
    alternating,
    steady,
    through_zero,
    two_point,
    zero_line,
)
from monitor.dsp.delay import Delay, delay, mean_delay

RATE_HZ = 10_000.0
seeds = st.integers(0, 2**32 - 1)


def pieces(samples, n):
    return np.array_split(samples, n)


def level(value, uncertainty=0.0):
    return Level(value, uncertainty, 0.0, 1)


def point(shown, reference, shown_u=0.0, reference_u=0.0):
    return Point(level(shown, shown_u), reference, reference_u)


@given(seeds, st.floats(-5, 5), st.integers(1, 7))
def test_a_zero_is_found_within_its_uncertainty(seed, zero, n_records):
    noise = np.random.default_rng(seed).normal(0.0, 0.2, 20_000)
    found = steady(pieces(zero + noise, n_records), RATE_HZ, 0.001)
    assert abs(found.value - zero) < 6 * max(found.uncertainty, 0.2 / math.sqrt(20_000) / 3)
    assert found.noise == pytest.approx(0.2, rel=0.05)
    assert found.n_samples == 20_000


def test_the_uncertainty_of_a_mean_is_that_of_many_such_means():
    rng = np.random.default_rng(7)
    # A random walk that forgets in 50 samples: its mean is ten times worse than white noise's.
    noise = rng.normal(size=(200, 10_500))
    walks = np.apply_along_axis(np.convolve, 1, noise, np.exp(-np.arange(500) / 50), "valid")
    found = [steady([walk[:10_000]], RATE_HZ, 1e-6) for walk in walks]
    spread = np.std([each.value for each in found])
    assert np.mean([each.uncertainty for each in found]) == pytest.approx(spread, rel=0.3)
    assert spread > 5 * walks.std() / math.sqrt(10_000)


def test_pickup_of_the_mains_is_no_zero():
    t = np.arange(20_000) / RATE_HZ
    for hz in (50, 60):
        found = steady([0.5 + 3.0 * np.sin(2 * np.pi * hz * t + 1)], RATE_HZ, 0.001)
        assert found.value == pytest.approx(0.5, abs=1e-9)
        assert found.uncertainty < 1e-9


def test_what_stays_on_one_code_may_be_anywhere_in_it():
    found = steady([np.full(5000, 0.3)], RATE_HZ, step=0.1)
    assert (found.value, found.noise) == (pytest.approx(0.3), pytest.approx(0.0, abs=1e-12))
    assert found.uncertainty == pytest.approx(0.1 / math.sqrt(12))


def test_one_short_record_has_no_known_uncertainty():
    assert math.isnan(steady([np.arange(50.0)], RATE_HZ, 0.001).uncertainty)


def test_nothing_has_no_level():
    with pytest.raises(ValueError, match="no samples"):
        steady([np.empty(0)], RATE_HZ, 0.1)


def test_an_alternating_level_is_the_rms_about_the_zero():
    t = np.arange(10_000) / RATE_HZ
    found = alternating([0.7 + 10 * np.sin(2 * np.pi * 50 * t)], RATE_HZ, 0.001, zero=0.7)
    assert found.value == pytest.approx(10 / math.sqrt(2))


def test_a_zero_keeps_the_gain():
    line = zero_line(level(0.5, 0.01), 1.02, 0.003)
    assert line.gain * 0.5 + line.offset == pytest.approx(0.0)
    assert (line.gain, line.gain_uncertainty) == (1.02, 0.003)
    assert line.offset_uncertainty == pytest.approx(1.02 * 0.01)


values = st.floats(-100, 100)


@given(st.floats(0.1, 10), st.floats(-5, 5), values, values)
def test_two_points_give_the_line_they_lie_on(gain, offset, first, second):
    if abs(first - second) < 0.01:
        return
    points = [point(x, gain * x + offset) for x in (first, second)]
    line = two_point(*points)
    assert (line.gain, line.offset) == (pytest.approx(gain), pytest.approx(offset, abs=1e-6))


def test_the_uncertainties_of_a_line_are_those_of_many_such_lines():
    rng = np.random.default_rng(3)
    truth = two_point(point(1.0, 2.0, 0.02, 0.03), point(9.0, 10.0, 0.05, 0.04))
    gains, at_zero = [], []
    for _ in range(20_000):
        low = point(1.0 + 0.02 * rng.normal(), 2.0 + 0.03 * rng.normal())
        high = point(9.0 + 0.05 * rng.normal(), 10.0 + 0.04 * rng.normal())
        line = two_point(low, high)
        gains.append(line.gain)
        at_zero.append(line.gain * -1.0 + line.offset)  # -1 shows what is 0
    assert truth.gain_uncertainty == pytest.approx(np.std(gains), rel=0.05)
    assert truth.offset_uncertainty == pytest.approx(np.std(at_zero), rel=0.05)


def test_points_that_make_no_line_are_refused():
    with pytest.raises(ValueError, match="further apart"):
        two_point(point(1.0, 2.0, 0.1), point(1.2, 3.0, 0.1))
    with pytest.raises(ValueError, match="reversed"):
        two_point(point(1.0, 2.0), point(3.0, 1.0))


def test_points_about_a_known_zero_share_one_gain():
    line = through_zero([point(10, 10.1, 0.0, 0.01), point(100, 101.0, 0.0, 0.1)], 0.2, 0.05)
    assert line.gain == pytest.approx(1.01)
    assert line.gain * 0.2 + line.offset == pytest.approx(0.0)
    assert line.gain_uncertainty == pytest.approx(0.001 / math.sqrt(2), rel=0.02)
    assert line.offset_uncertainty == pytest.approx(1.01 * 0.05)


def test_points_that_contradict_each_other_make_a_gain_uncertain():
    line = through_zero([point(10, 10.0, 0, 1e-4), point(10, 10.4, 0, 1e-4)], 0.0, 0.0)
    assert line.gain == pytest.approx(1.02, rel=1e-3)
    assert line.gain_uncertainty == pytest.approx(0.02, rel=0.05)


def test_points_of_two_different_gains_are_refused():
    with pytest.raises(ValueError, match=r"their gains are 1 to 1\.3"):
        through_zero([point(10, 10.0), point(10, 13.0)], 0.0, 0.0)


def edges(at, n=4000, rise=3.0, fall=2500.0):
    """A pulse whose edges are a few samples wide and may lie between two samples."""
    t = np.arange(n)
    return np.tanh((t - at) / rise) - np.tanh((t - at - fall + 1000) / rise)


@given(seeds, st.floats(-60, 60), st.sampled_from([1.0, -0.2, 40.0]), st.sampled_from([0, 0.01]))
def test_a_delay_is_found_within_its_uncertainty(seed, by, factor, noise):
    rng = np.random.default_rng(seed)
    first = edges(1000.0) + noise * rng.normal(size=4000)
    second = factor * (edges(1000.0 + by) + noise * rng.normal(size=4000)) + 7
    found = delay(first, second, RATE_HZ, longest_s=0.01)
    assert abs(found.delay_s - by / RATE_HZ) < 5 * found.uncertainty_s
    assert found.uncertainty_s < 0.1 / RATE_HZ
    assert found.likeness > 0.99


@given(st.floats(0, 1), st.floats(-20, 20))
def test_an_edge_from_one_sample_to_the_next_tells_no_more_than_that(place, by):
    t = np.arange(4000)
    first, second = (1.0 * (t > 1000.0 + at) for at in (place, place + by))
    found = delay(first, second, RATE_HZ, longest_s=0.01)
    assert abs(found.delay_s - by / RATE_HZ) < 3 * found.uncertainty_s
    assert found.uncertainty_s == pytest.approx(0.41 / RATE_HZ, rel=0.05)


def test_many_sharp_edges_together_tell_more():
    t, rng = np.arange(4000), np.random.default_rng(2)
    found = mean_delay(
        [
            delay(1.0 * (t > at), 1.0 * (t > at + 3.3), RATE_HZ, longest_s=0.01)
            for at in rng.uniform(1000, 2000, 100)
        ]
    )
    assert abs(found.delay_s - 3.3 / RATE_HZ) < 3 * found.uncertainty_s
    assert found.uncertainty_s < 0.1 / RATE_HZ


def test_the_uncertainty_of_a_delay_is_the_scatter_of_many():
    rng = np.random.default_rng(5)

    def one():
        first, second = (edges(at) + 0.03 * rng.normal(size=4000) for at in (1000.0, 1003.3))
        return delay(first, second, RATE_HZ, longest_s=0.01)

    found = [one() for _ in range(40)]
    scatter = np.std([each.delay_s for each in found])
    assert np.mean([each.uncertainty_s for each in found]) == pytest.approx(scatter, rel=0.6)
    together = mean_delay(found)
    assert abs(together.delay_s - 3.3 / RATE_HZ) < 4 * together.uncertainty_s
    assert together.n_records == 40


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (np.zeros(4000), "does not change"),
        (np.random.default_rng(1).normal(size=4000), "different things"),
    ],
)
def test_channels_without_a_common_edge_are_refused(second, words):
    with pytest.raises(ValueError, match=words):
        delay(edges(1000.0), second, RATE_HZ, longest_s=0.01)


def test_the_phase_of_a_sine_is_no_delay_of_a_probe():
    t = np.arange(4000) / RATE_HZ
    with pytest.raises(ValueError, match="no edge"):
        delay(np.sin(314 * t), np.sin(314 * t - 0.3), RATE_HZ, longest_s=0.01)


def test_records_without_an_edge_have_no_delay():
    with pytest.raises(ValueError, match="no record"):
        mean_delay([])


def test_records_that_scatter_say_so():
    found = mean_delay([Delay(1e-3, 1e-6, 1.0, 1), Delay(2e-3, 1e-6, 0.9, 1)])
    assert (found.delay_s, found.likeness) == (pytest.approx(1.5e-3), 0.9)
    assert found.uncertainty_s == pytest.approx(0.5e-3)
