"""Voltage and current of the bench's supplies."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.bench.load.capture import CaptureWaveform
from monitor.bench.load.electrical import MAINS_120, MAINS_230, Feed, Mains
from monitor.bench.load.signal import Grid, Noise
from monitor.bench.load.workload import Workload, WorkloadSettings
from monitor.model import Edge
from monitor.sources import elmorlabs

CAPTURE = elmorlabs.load(Path(__file__).parents[1] / "data/gpu_meter/3090_TR")


def steady(watts):
    return lambda t_s: np.full_like(t_s, watts)


def wavy(t_s):
    return 500.0 + 300.0 * np.abs((t_s * 7.0) % 2.0 - 1.0)


WAVEFORMS = {
    "mains 230 V": Mains(MAINS_230, wavy, 900.0),
    "mains 120 V": Mains(MAINS_120, wavy, 900.0),
    "12 V": Feed(wavy, 900.0),
    "capture": CaptureWaveform(CAPTURE, delay_s=0.25),
    "capture in a loop": CaptureWaveform(CAPTURE, delay_s=0.25, loop=True),
}


@pytest.mark.parametrize("name", WAVEFORMS)
@given(data=st.data())
@settings(max_examples=40)
def test_samples_do_not_depend_on_the_pieces_they_are_read_in(name, data):
    waveform = WAVEFORMS[name]
    rate_hz = data.draw(st.sampled_from([4_873.01, 20e3, 1e5, 1e6]))
    start = data.draw(st.integers(0, 40_000_000))
    n = data.draw(st.integers(2, 20_000))
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1), max_size=4)))
    whole = waveform.sample(start, n, rate_hz)
    bounds = [0, *cuts, n]
    parts = [waveform.sample(start + a, b - a, rate_hz) for a, b in pairwise(bounds)]
    for quantity in (0, 1):
        np.testing.assert_array_equal(
            np.concatenate([part[quantity] for part in parts]), whole[quantity]
        )


@pytest.mark.parametrize("line", [MAINS_230, MAINS_120], ids=["230 V", "120 V"])
@pytest.mark.parametrize("watts", [150.0, 240.0, 1000.0, 8000.0])
def test_the_active_power_of_whole_cycles_is_the_load(line, watts):
    rate_hz = 2000 * line.frequency_hz
    volts, amps = Mains(line, steady(watts), watts).sample(12_345, 20_000, rate_hz)
    cycles = (volts * amps).reshape(-1, 2000).mean(axis=1)
    np.testing.assert_allclose(cycles, watts, rtol=1e-3)
    assert math.sqrt(np.mean(volts**2)) == pytest.approx(line.vrms_v, rel=1e-3)


def test_the_power_factor_rises_and_the_distortion_falls_with_load():
    factors, distortions = [], []
    for watts in (240.0, 600.0, 1000.0, 3000.0):
        waveform = Mains(MAINS_230, steady(watts), watts)
        volts, amps = waveform.sample(0, 50_000, 1000 * MAINS_230.frequency_hz)
        volts, amps = (signal.reshape(-1, 1000).mean(axis=0) for signal in (volts, amps))
        spectrum = np.abs(np.fft.rfft(amps))
        distortions.append(math.sqrt(np.sum(spectrum[2:40] ** 2)) / spectrum[1])
        factors.append(np.mean(volts * amps) / math.sqrt(np.mean(volts**2) * np.mean(amps**2)))
    assert factors == sorted(factors)
    assert distortions == sorted(distortions, reverse=True)
    assert 0.94 < factors[0] < 0.96
    assert factors[-1] < 1.0
    assert 0.03 < distortions[-1] < distortions[0] < 0.16


@pytest.mark.parametrize("watts", [5.0, 300.0, 1000.0])
def test_a_feed_droops_and_carries_the_load(watts):
    volts, amps = Feed(steady(watts), 1000.0).sample(0, 20_000, 20e3)
    assert np.mean(volts * amps) == pytest.approx(watts, rel=1e-4, abs=0.02)
    assert np.mean(volts) == pytest.approx(12.1 - 0.003 * np.mean(amps), abs=1e-3)


@pytest.mark.parametrize("name", ["mains 230 V", "mains 120 V", "12 V", "capture"])
def test_no_sample_lies_beyond_the_limits(name):
    waveform = WAVEFORMS[name]
    for (low, high), samples in zip(
        waveform.limits, waveform.sample(0, 400_000, 20e3), strict=True
    ):
        assert low <= samples.min()
        assert samples.max() <= high


def test_each_stage_on_mains_takes_the_energy_that_the_workload_spent():
    workload = Workload(WorkloadSettings(n_clips=1, steps=8))
    rate_hz = 20e3
    n = round((workload.end_s + 0.5) * rate_hz)
    volts, amps = Mains(MAINS_230, workload.power, workload.peak_w).sample(0, n, rate_hz)
    energy = np.concatenate(([0.0], np.cumsum(volts * amps) / rate_hz))
    at_s = np.arange(n + 1) / rate_hz
    begun = {}
    for event in workload.events():
        if event.edge is Edge.BEGIN:
            begun[event.key] = event.t_s
            continue
        start_s = begun.pop(event.key)
        measured = np.subtract(*np.interp([event.t_s, start_s], at_s, energy))
        # Power pulsates at twice the line's frequency: up to P / (2 pi 2 f) an edge.
        bound_j = 2 * workload.peak_w / (4 * math.pi * 50.0)
        truth = workload.energy_j(start_s, event.t_s)
        assert measured == pytest.approx(truth, abs=bound_j, rel=1e-4), event.key
    assert not begun
    assert energy[-1] == pytest.approx(workload.energy_j(0.0, n / rate_hz), rel=1e-3)


@given(st.integers(0, 10_000_000), st.integers(1, 9_000))
@settings(max_examples=30)
def test_noise_is_the_same_at_the_same_index(start, n):
    noise = Noise(3)
    ahead = min(start, 777)
    long, short = np.zeros(n + ahead), np.zeros(n)
    noise.add(long, start - ahead, 2.0)
    noise.add(short, start, 2.0)
    np.testing.assert_array_equal(long[ahead:], short)


def test_noise_is_white_and_of_unit_size():
    samples = np.zeros(1 << 20)
    Noise(5).add(samples, 0, 1.0)
    assert abs(samples.mean()) < 0.01
    assert samples.std() == pytest.approx(1.0, rel=0.01)
    for lag in (1, 2, 100, 4096, 1 << 17):
        assert abs(np.mean(samples[lag:] * samples[:-lag])) < 0.01


@given(st.integers(0, 10**9), st.integers(1, 3000), st.sampled_from([5e3, 25e3, 1e5, 1e6]))
def test_a_straight_line_on_the_grid_is_a_straight_line_in_the_samples(start, n, rate_hz):
    grid = Grid(start, n, rate_hz)
    np.testing.assert_allclose(
        grid.expand(grid.time_s), np.arange(start, start + n) / rate_hz, rtol=1e-12
    )


def test_a_capture_is_held_before_between_and_after_its_readings():
    waveform = CaptureWaveform(CAPTURE, delay_s=1.0)
    rate_hz = 20e3
    n = round((CAPTURE.duration_s + 2.0) * rate_hz)
    volts, amps = waveform.sample(0, n, rate_hz)
    ahead = np.searchsorted((CAPTURE.time_s + 1.0) * rate_hz, np.arange(n), side="right")
    reading = np.maximum(ahead - 1, 0)
    np.testing.assert_allclose(amps, CAPTURE.amps.sum(axis=0)[reading])
    power_w = (CAPTURE.volts * CAPTURE.amps).sum(axis=0)
    np.testing.assert_allclose(volts * amps, power_w[reading], rtol=1e-12)


def test_a_loop_repeats_a_capture_and_its_events():
    waveform = CaptureWaveform(CAPTURE, loop=True)
    step_s = float(np.median(np.diff(CAPTURE.time_s)))
    period_s = CAPTURE.duration_s + step_s
    rate_hz = 20e3
    _, amps = waveform.sample(0, round(2 * period_s * rate_hz), rate_hz)
    turn = round(period_s * rate_hz)
    assert amps[: turn - 40].mean() == pytest.approx(amps[turn : 2 * turn - 40].mean(), rel=1e-4)
    events = waveform.events()
    first = [next(events) for _ in CAPTURE.events]
    second = [next(events) for _ in CAPTURE.events]
    for one, two in zip(first, second, strict=True):
        assert two.t_s - one.t_s == pytest.approx(period_s)
        assert (two.stage, two.edge) == (one.stage, one.edge)
    assert {event.key for event in first} & {event.key for event in second} <= {""}
