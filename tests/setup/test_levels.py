"""What one record says of each input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from setup.conftest import inputs

from monitor.setup.levels import line_cycles, measure

RATE_HZ = 20_000.0


def crossings(volts):
    """Return the samples before which a clean signal rises through zero, one by one."""
    return [k for k in range(1, volts.size) if volts[k - 1] < 0 <= volts[k]]


@given(
    hz=st.floats(41, 69),
    phase=st.floats(0, 6.28),
    n=st.integers(1100, 6000),
    rate_hz=st.sampled_from([5_000.0, 20_000.0]),
)
def test_whole_line_cycles_are_those_between_the_rising_crossings(hz, phase, n, rate_hz):
    volts = 325.0 * np.sin(2 * np.pi * hz * np.arange(n) / rate_hz + phase)
    at = crossings(volts)
    found = line_cycles(volts, rate_hz)
    if found is None:
        assert len(at) < 4
        return
    first, last, measured_hz = found
    assert measured_hz == pytest.approx(hz, rel=2e-3)
    assert min(abs(first - k) for k in at) <= 1
    assert min(abs(last - k) for k in at) <= 1
    assert len(at) - 3 <= round((last - first) * hz / rate_hz) <= len(at) - 1


@pytest.mark.parametrize(
    "volts",
    [
        np.zeros(4000),
        np.full(4000, 12.0),
        np.random.default_rng(1).normal(0, 1, 4000),
        12.0 + np.sin(2 * np.pi * 50 * np.arange(4000) / RATE_HZ),
        np.sin(2 * np.pi * 400 * np.arange(4000) / RATE_HZ),
        np.array([1.0]),
    ],
    ids=["nothing", "dc", "noise", "ripple", "400 Hz", "one sample"],
)
def test_what_is_no_mains_has_no_line_cycle(volts):
    assert line_cycles(volts, RATE_HZ) is None


@given(phase=st.floats(0, 6.28), lag=st.floats(-1, 1))
def test_power_is_that_of_whole_cycles_wherever_the_record_begins(phase, lag):
    t = 2 * np.pi * 50.0 * np.arange(1500) / RATE_HZ + phase
    values = np.stack([325.0 * np.sin(t), 10.0 * np.sin(t - lag)])
    levels = measure(values, (0, 3), RATE_HZ, inputs())
    (rail,) = levels.rails
    assert rail.mean_w == pytest.approx(1625.0 * np.cos(lag), rel=0.01, abs=5.0)
    assert levels.channels[0].rms == pytest.approx(325.0 / np.sqrt(2), rel=0.01)
    assert levels.channels[1].n_clipped == 3


def test_channels_keep_the_order_of_the_settings():
    values = np.stack([np.full(50, 2.0), np.full(50, 12.0)])
    levels = measure(values, (0, 0), RATE_HZ, inputs()[::-1])
    assert [(c.unit, c.mean) for c in levels.channels] == [("A", 2.0), ("V", 12.0)]
    assert levels.rails[0].mean_w == pytest.approx(24.0)
    assert levels.rails[0].line_hz is None
    assert levels.duration_s == pytest.approx(0.0025)
