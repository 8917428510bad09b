"""A real capture through the scope gives the capture's published figures."""

from pathlib import Path

import numpy as np
import pytest
from bench.fakes import Clock, readings

from monitor.bench.load.capture import CaptureWaveform
from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.sources import elmorlabs

DATA = Path(__file__).parents[1] / "data/gpu_meter"
OPEN = Wiring(None, 1.0)
RATE_HZ = 20e3

# Whole file, load begin to load end (J); pre, steady (W): computed from the files.
FIGURES = {
    "3090_TR": (3715.56, 2581.68, 133.53, 440.30),
    "A5000_TR": (2058.19, 1319.38, 84.51, 222.18),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_capture_keeps_its_energy_and_its_powers(name):
    capture = elmorlabs.load(DATA / name)
    clock = Clock()
    scope = Scope(
        CaptureWaveform(capture),
        (Wiring(0, 10.0), Wiring(1, 10.0), OPEN, OPEN),
        ScopeSettings(bits=12, gap_free=True, trigger_latency_s=0.0),
        clock,
    )
    scope.autoscale()
    scope.panel.range_s, scope.panel.points = 0.5, round(0.5 * RATE_HZ)
    parts = []
    while clock.ns < capture.duration_s * 1e9:
        scope.single()
        clock.jump(scope.wait_s())
        volts, amps = (readings(scope, scope.record, channel) for channel in (0, 1))
        parts.append(volts * amps)
    power_w = np.concatenate(parts)

    def energy_j(start_s, stop_s):
        return power_w[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)].sum() / RATE_HZ

    begin_s, end_s = (event.time_s for event in capture.events[:2])
    whole_j, load_j, pre_w, steady_w = FIGURES[name]
    assert energy_j(0.0, capture.duration_s) == pytest.approx(whole_j, rel=0.01)
    assert energy_j(begin_s, end_s) == pytest.approx(load_j, rel=0.01)
    assert energy_j(0.2, 0.95) / 0.75 == pytest.approx(pre_w, rel=0.01)
    span_s = end_s - 0.5 - (begin_s + 1.0)
    assert energy_j(begin_s + 1.0, end_s - 0.5) / span_s == pytest.approx(steady_w, rel=0.01)
