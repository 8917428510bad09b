"""How far another clock is from ours: never outside the bound, and much nearer than that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.dsp.clock_fit import ClockFit

ZERO_NS = 1_700_000_000 * 10**9
OFFSET_NS, RATE = 3_000_000_000, 50e-6


def offset_ns(t_s, offset=OFFSET_NS, rate=RATE):
    return offset + rate * t_s * 1e9


def asked(times_s, way_s, offset=offset_ns):
    """Return a fit to exchanges at times of our clock, that took ``way_s`` there and back."""
    fit = ClockFit()
    for t, (there, back) in zip(times_s, way_s, strict=True):
        read = t + there
        answered = read + 20e-6
        other = [ZERO_NS + round(x * 1e9 + offset(x)) for x in (read, answered)]
        assert fit.add(ZERO_NS + round(t * 1e9), *other, ZERO_NS + round((answered + back) * 1e9))
    return fit


def errors(fit, times_s, offset=offset_ns):
    found = [fit.at(ZERO_NS + round(t * 1e9 + offset(t))) for t in times_s]
    true = [offset(t) for t in times_s]
    off = np.array([a - b for (a, _), b in zip(found, true, strict=True)])
    return np.abs(off), np.array([bound for _, bound in found])


def questions(minutes):
    """Return when the feed asks."""
    times = [*np.arange(0, 3, 0.1), *np.arange(3, 60, 0.5), *np.arange(60, minutes * 60, 2.0)]
    return [t for t in times if t < minutes * 60]


@pytest.mark.parametrize("minutes", [1, 30])
def test_three_seconds_and_fifty_ppm_are_found_through_five_ms_of_jitter(minutes):
    every, inside = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        times = questions(minutes)
        fit = asked(times, 0.4e-3 + rng.exponential(5e-3, (len(times), 2)))
        off, bound = errors(fit, rng.uniform(0, minutes * 60, 200))
        every.append(off)
        inside.append(off <= bound)
    assert np.quantile(np.concatenate(every), 0.95) < 1e6
    assert np.all(inside)


def test_the_middle_of_a_single_exchange_is_what_everybody_takes():
    fit = ClockFit()
    assert fit.add(1000, 6000, 6200, 1600)
    offset, bound = fit.at(6000)
    assert offset == ((6000 - 1000) + (6200 - 1600)) / 2
    assert bound == (600 - 200) / 2


def test_one_clock_is_no_offset_and_no_doubt():
    fit = ClockFit()
    fit.add(ZERO_NS, ZERO_NS, ZERO_NS, ZERO_NS)
    assert fit.at(ZERO_NS) == (0, 0)


@settings(max_examples=60)
@given(
    way=st.lists(st.tuples(st.floats(1e-6, 0.2), st.floats(1e-6, 0.2)), min_size=1, max_size=40),
    offset=st.integers(-(10**12), 10**12),
    ppm=st.floats(-200, 200),
    step_s=st.floats(0.05, 20.0),
    share=st.floats(0, 1),
)
def test_the_truth_is_within_the_bound_whatever_the_ways(way, offset, ppm, step_s, share):
    times = [k * step_s for k in range(len(way))]

    def true(t):
        return offset_ns(t, offset, ppm * 1e-6)

    fit = asked(times, way, true)
    off, bound = errors(fit, [share * times[-1]], true)
    assert off[0] <= bound[0] + 100  # ns, of rounding


def test_a_clock_that_changes_its_rate_is_followed():
    def true(t):
        return 1e6 + 20e3 * t + 15e3 * max(0.0, t - 900.0)  # ns

    rng = np.random.default_rng(1)
    times = np.arange(0, 1800, 5.0)
    fit = asked(times, 0.3e-3 + rng.exponential(1e-3, (len(times), 2)), true)
    off, _ = errors(fit, np.linspace(0, 1790, 300), true)
    assert np.quantile(off, 0.95) < 0.5e6
    assert off.max() < 3e6


def test_an_answer_before_its_question_is_refused():
    fit = ClockFit()
    assert not fit.add(1000, 2000, 1900, 3000)
    assert not fit.add(3000, 2000, 2100, 1000)
    assert not fit.add(1000, 2000, 9000, 1100)
    with pytest.raises(ValueError, match="no answer"):
        fit.at(0)


def test_an_answer_that_comes_late_into_the_fit_counts_too():
    fit = asked([10.0, 20.0, 0.0], [(1e-3, 1e-3)] * 3)
    off, bound = errors(fit, [0.0, 5.0, 20.0])
    assert np.all(off <= bound)
