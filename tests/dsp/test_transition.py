"""Where a step is: exact on a clean one, close on a noisy one, and nowhere where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.transition import Miss, Transition, _running_mean, transition

RATE_HZ = 10_000.0
N = 4000


def step(at, low=100.0, high=400.0, n=N, noise=0.0, seed=1):
    """Return samples of a step; the sample in which it lies has the mean of its time."""
    edges = np.arange(n + 1)
    total = low * edges + (high - low) * np.clip(edges - at, 0, None)
    return np.diff(total) + noise * np.random.default_rng(seed).standard_normal(n)


@given(st.floats(1900, 2100), st.floats(10, 1000), st.floats(-5000, 5000), st.floats(-200, 200))
def test_a_clean_step_is_found_to_an_eighth_of_a_sample(at, low, by, off):
    if abs(by) < 1:
        by = 1.0
    found = transition(step(at, low, low + by), at + off, 1000, RATE_HZ, cycle=0)
    assert isinstance(found, Transition)
    # A sample stands for the time that begins with its index, so its middle is half a sample on.
    assert found.at + 0.5 == pytest.approx(at, abs=0.125)
    assert found.onset <= found.at
    assert (found.before_w, found.after_w) == pytest.approx((low, low + by), rel=1e-6)


@given(st.integers(0, 10_000))
def test_noise_moves_it_by_little(seed):
    found = transition(step(2000.0, noise=60.0, seed=seed), 2000, 1000, RATE_HZ, cycle=0)
    assert isinstance(found, Transition)
    assert found.at == pytest.approx(2000, abs=2 * found.smoothing)


@pytest.mark.parametrize("phase", np.linspace(0, 1, 8, endpoint=False))
def test_on_mains_it_is_as_right_at_whatever_phase(phase):
    cycle = RATE_HZ / 50
    turn = np.arange(N) / cycle
    errors = []
    for shift in np.linspace(0, 0.5, 16, endpoint=False) + phase:
        power = step(2000.0) * 2 * np.sin(2 * np.pi * (turn + shift) / 1) ** 2
        found = transition(power, 2000, 1000, RATE_HZ, cycle=cycle)
        assert np.isnan(found.onset)
        errors.append(found.at + 0.5 - 2000)
    assert np.abs(errors).max() <= 1.0


def test_a_slow_rise_has_its_onset_before_its_middle():
    power = 100 + 300 * np.clip((np.arange(N) - 2000) / 100, 0, 1)
    found = transition(power, 2000, 1000, RATE_HZ, cycle=0)
    assert found.onset == pytest.approx(2010, abs=0.5)
    assert found.at == pytest.approx(2050, abs=0.5)


def test_what_was_not_captured_is_not_guessed():
    power = step(2000.0)
    power[1995:2005] = np.nan
    assert transition(power, 2000, 1000, RATE_HZ, cycle=0) is Miss.NOT_CAPTURED
    power = step(2000.0)
    power[:1900] = np.nan
    assert transition(power, 2000, 1000, RATE_HZ, cycle=0) is Miss.NOT_CAPTURED
    power = step(2000.0)
    power[1900:1950] = np.nan  # beside it
    assert transition(power, 2000, 1000, RATE_HZ, cycle=0).at == pytest.approx(1999.5)


@pytest.mark.parametrize("noise", [0.0, 50.0])
def test_where_nothing_steps_nothing_is_found(noise):
    flat = step(2000.0, 100.0, 100.0, noise=noise)
    assert transition(flat, 2000, 1000, RATE_HZ, cycle=0) is Miss.NO_STEP


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=30), st.floats(1.0, 8.0))
def test_a_running_mean_is_the_mean(values, width):
    values = np.array(values)
    found = _running_mean(values, width)
    for k, mean in enumerate(found):
        low, high = k + 0.5 - width / 2, k + 0.5 + width / 2
        if low < -1e-9 or high > len(values) + 1e-9:
            assert np.isnan(mean)
            continue
        cells = np.arange(len(values))
        share = np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0, None)
        assert mean == pytest.approx((share * values).sum() / width, abs=1e-9)
