"""Offsets of markers from steps: found where there are steps, refused where there are none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.alignment import offset, shift

RATE_HZ = 10_000.0


def bursts(seed=1, n=12):
    """Return begins and ends of bursts of random lengths, in samples."""
    lengths = np.random.default_rng(seed).integers(1500, 4500, 2 * n)
    edges = 5000 + np.cumsum(lengths)
    return edges[::2].astype(float), edges[1::2].astype(float)


def power_of(begins, ends, late, noise=0.0, base=100.0, height=300.0):
    n = int(ends[-1]) + 6000
    rng = np.random.default_rng(2)
    at = np.arange(n)
    on = sum(
        ((at >= b + late) & (at < e + late)).astype(float)
        for b, e in zip(begins, ends, strict=True)
    )
    return base + height * on + noise * rng.standard_normal(n)


def reader(power):
    def read(start, stop):
        out = np.full(stop - start, np.nan)
        a, b = max(start, 0), min(stop, power.size)
        if b > a:
            out[a - start : b - start] = power[a:b]
        return out

    return read


@given(st.floats(-300, 300), st.floats(0, 40))
def test_begins_and_ends_are_as_late_as_the_power_is(late, noise):
    begins, ends = bursts()
    read, every = reader(power_of(begins, ends, late, noise)), [*begins, *ends]
    for edges, sign in ((begins, 1), (ends, -1)):
        found = offset(edges, every, read, RATE_HZ, cycle=0)
        assert (found.n_edges, found.n_seen) == (12, 12)
        assert found.middle_s == pytest.approx(late / RATE_HZ, abs=3e-4 if noise else 1e-4)
        assert math.copysign(1, found.step_w) == sign
        assert found.u_s < 3e-4


def test_on_mains_the_cycle_is_taken_out():
    begins, ends = bursts(n=40)
    power = power_of(begins, ends, 57.0)
    power *= 2 * np.sin(2 * np.pi * 50 / RATE_HZ * np.arange(power.size)) ** 2
    found = offset(begins, [*begins, *ends], reader(power), RATE_HZ, cycle=RATE_HZ / 50)
    assert found.n_seen == 40
    assert abs(found.middle_s - 57e-4) < 3 * found.u_s < 3e-3
    assert math.isnan(found.onset_s)


def test_what_dead_time_hides_is_counted_and_left_out():
    begins, ends = bursts(n=20)
    power = power_of(begins, ends, 20.0)
    power[np.arange(power.size) % 1000 < 300] = np.nan
    found = offset(begins, [*begins, *ends], reader(power), RATE_HZ, cycle=0)
    assert found.n_seen + found.n_not_captured == found.n_edges == 20
    assert 5 < found.n_seen < 20
    assert found.middle_s == pytest.approx(20e-4, abs=1e-4)


def test_without_steps_nothing_is_claimed():
    begins, ends = bursts()
    flat = power_of(begins, ends, 0.0, noise=10.0, height=0.0)
    found = offset(begins, [*begins, *ends], reader(flat), RATE_HZ, cycle=0)
    assert (found.n_seen, found.n_no_step) == (0, 12)
    assert math.isnan(found.middle_s)
    assert math.isnan(found.u_s)


def brute(gate, power, most):
    best = (0, -2.0)
    for d in range(-most, most + 1):
        moved = np.zeros_like(gate)
        if d >= 0:
            moved[d:] = gate[: gate.size - d]
        else:
            moved[:d] = gate[-d:]
        known = ~np.isnan(power)
        a, b = moved[known], power[known]
        if a.std() < 1e-9 or b.std() < 1e-9 or a.sum() < 0.6 * gate.sum():
            continue
        r = float(np.corrcoef(a, b)[0, 1])
        if r > best[1] + 1e-9:
            best = (d, r)
    return best


@given(st.integers(-25, 25), st.integers(0, 1000), st.booleans())
def test_the_shift_is_where_the_correlation_is_highest(late, seed, gaps):
    rng = np.random.default_rng(seed)
    gate = np.zeros(200)
    gate[50:150] = np.repeat(rng.integers(0, 2, 20), 5)
    gate[60:70], gate[80:90] = 1, 0
    power = 100 + 50 * np.roll(gate, late) + 5 * rng.standard_normal(200)
    if gaps:
        power[::7] = np.nan
    cells, alike = shift(gate, power, 30)
    assert alike > 0.9
    assert (cells, alike) == (brute(gate, power, 30)[0], pytest.approx(brute(gate, power, 30)[1]))
    assert alike > 0.9


def test_what_does_not_change_has_no_shift():
    flat, gate = np.full(50, 3.0), np.repeat([0.0, 1.0], 25)
    for a, b in ((gate, flat), (flat, gate), (gate, np.full(50, np.nan))):
        cells, alike = shift(a, b, 10)
        assert cells == 0 or a is flat
        assert math.isnan(alike) or a is flat
