"""Guided calibration: what the channels show of something known becomes their calibration."""

import asyncio
import math

import msgspec
import numpy as np
import pytest
from fakes import INFO, SCALES, FakeClock, ListSource

from monitor.calibration import steps, taking
from monitor.calibration.steps import Reference
from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import ConfigError, InstrumentError
from monitor.model import Block, Calibration, Quantity
from monitor.sources.source import event

RATE_HZ = INFO.sample_rate_hz
SETTINGS = InstrumentSettings(
    kind="mine",
    inputs=(
        InputSettings(input=1, quantity=Quantity.VOLTAGE),
        InputSettings(input=2, quantity=Quantity.CURRENT, calibration=Calibration(gain=5.0)),
    ),
)
EXACT = Reference(0.0, 0.0)


def source_of(volts, amps, n_blocks=20, clipped=0):
    """A source of records with gaps between them; volts and amps by the time in s."""
    n, items = 2000, []
    for k in range(n_blocks):
        start = 3000 * k
        t = (start + np.arange(n)) / RATE_HZ
        values = np.stack([np.broadcast_to(f(t), t.shape) for f in (volts, amps)])
        codes = np.round(values / 0.001).astype(np.int16)
        items.append(Block(start, codes, SCALES, (0, clipped), 0, 0))
    return ListSource(items)


def captured(monkeypatch, source, seconds=2.0, settings=SETTINGS):
    seen = []

    def make(asked, clock):
        seen.append(asked)
        return source

    monkeypatch.setattr(taking, "make_source", make)
    taken = asyncio.run(taking.take(settings, seconds, FakeClock()))
    assert all(item.calibration == Calibration() for item in seen[0].inputs)
    return taken


def constant(value, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    return lambda t: value + noise * rng.normal(size=t.size)


def sine(amplitude, about=0.0):
    return lambda t: about + amplitude * np.sin(2 * np.pi * 50 * t)


def test_as_much_as_was_asked_for_is_captured_without_any_calibration(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(12.0), constant(3.0)), seconds=1.0)
    assert taken.seconds == pytest.approx(1.0)
    assert taken.steps == pytest.approx((0.001, 0.001))
    assert taken.full_scales == pytest.approx((65.535, 65.535))
    assert taken.records[0] == pytest.approx(np.repeat([[12.0], [3.0]], 2000, axis=1))


def test_progress_goes_from_little_to_all(monkeypatch):
    monkeypatch.setattr(taking, "make_source", lambda *_: source_of(constant(1.0), constant(1.0)))
    told = []
    asyncio.run(taking.take(SETTINGS, 1.0, FakeClock(), told.append))
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_an_instrument_that_goes_away_ends_it(monkeypatch):
    source = ListSource([event("instrument lost: silence", "lost", 0)], hold=True)
    with pytest.raises(InstrumentError, match="instrument lost: silence"):
        captured(monkeypatch, source)
    assert source.left


def test_an_instrument_that_delivers_nothing_is_named(monkeypatch):
    with pytest.raises(InstrumentError, match="delivered nothing"):
        captured(monkeypatch, ListSource([]))


def test_inputs_and_channels_must_be_as_many(monkeypatch):
    one = msgspec.structs.replace(SETTINGS, inputs=SETTINGS.inputs[:1])
    with pytest.raises(ConfigError, match="2 channels, the settings 1 inputs"):
        captured(monkeypatch, ListSource([]), settings=one)


def test_a_zero_makes_nothing_of_nothing(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(12.0), constant(-0.053, 0.02)))
    before = Calibration(gain=2.0, gain_uncertainty=0.01, deskew_s=1e-6, note="kept")
    found, level = steps.zero(taken, 1, before)
    assert abs(level.value + 0.053) < 5 * level.uncertainty
    assert found.gain * level.value + found.offset == pytest.approx(0.0)
    assert (found.gain, found.deskew_s, found.note) == (2.0, 1e-6, "kept")
    assert found.offset_uncertainty == pytest.approx(2 * level.uncertainty)


def test_what_flows_is_no_zero(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(12.0), sine(5.0)))
    with pytest.raises(InstrumentError, match=r"moves by 3.54 A rms.*something flows"):
        steps.zero(taken, 1, Calibration())


def test_a_steady_current_is_no_zero_either(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(12.0), constant(5.0, 0.01)))
    with pytest.raises(InstrumentError, match=r"current shows a steady 5 A, more than 5% of"):
        steps.zero(taken, 1, Calibration())


def test_a_clipped_channel_is_no_measurement(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(0.1), constant(0.0), clipped=3))
    with pytest.raises(InstrumentError, match="current: 30 of 20000 samples stand at the edge"):
        steps.zero(taken, 1, Calibration())
    steps.zero(taken, 0, Calibration())


def test_two_steady_levels_make_gain_and_zero(monkeypatch):
    points = []
    for true in (0.0, 20.0):
        taken = captured(monkeypatch, source_of(constant(12.0), constant(0.9 * true + 0.1, 0.01)))
        points.append((steps.shown(taken, 1, Calibration()), true))
    found = steps.gain(points, Reference(0.5, 0.0), Calibration())
    assert not points[1][0].is_alternating
    assert found.gain == pytest.approx(1 / 0.9, rel=1e-3)
    assert found.offset == pytest.approx(-0.1 / 0.9, abs=2e-3)
    assert found.gain_uncertainty == pytest.approx(0.005 / math.sqrt(3), rel=0.01)


def test_alternating_levels_keep_the_zero(monkeypatch):
    before = Calibration(offset=-0.5, offset_uncertainty=0.02)
    points = []
    for true in (2.0, 10.0):
        wave = sine(0.8 * true * math.sqrt(2), about=0.5)
        taken = captured(monkeypatch, source_of(sine(30.0), wave))
        points.append((steps.shown(taken, 1, before), true))
    found = steps.gain(points, EXACT, before)
    assert points[0][0].is_alternating
    assert points[0][0].level.value == pytest.approx(1.6, rel=1e-3)
    assert found.gain == pytest.approx(1.25, rel=1e-3)
    assert found.gain * 0.5 + found.offset == pytest.approx(0.0, abs=1e-6)
    assert found.offset_uncertainty == pytest.approx(0.025, rel=1e-3)


def test_points_that_make_no_sense_change_nothing(monkeypatch):
    taken = captured(monkeypatch, source_of(constant(12.0), constant(1.0, 0.01)))
    shown = steps.shown(taken, 1, Calibration())
    with pytest.raises(ConfigError, match=r"further apart.*nothing was changed"):
        steps.gain([(shown, 1.0), (shown, 2.0)], EXACT, Calibration())


def pulse(late_s, factor):
    return lambda t: factor * np.tanh(((t - late_s) % 0.3 - 0.1) / 3e-4)


@pytest.mark.parametrize("late_s", [2.3e-4, -7e-5, 0.0])
def test_the_later_channel_is_told_with_its_uncertainty(monkeypatch, late_s):
    taken = captured(monkeypatch, source_of(pulse(0.0, 10.0), pulse(late_s, -3.0)))
    (volts_s, amps_s), delay = steps.deskew(taken, 0, 1)
    assert min(volts_s, amps_s) == 0.0
    assert abs(amps_s - volts_s - late_s) < 5 * delay.uncertainty_s
    assert delay.n_records == 10


def test_without_an_edge_there_is_no_delay(monkeypatch):
    taken = captured(monkeypatch, source_of(sine(10.0), sine(3.0)))
    with pytest.raises(InstrumentError, match=r"10 records: there is no edge.*switched"):
        steps.deskew(taken, 0, 1)


def test_a_rail_without_a_pair_is_told():
    assert steps.pair(SETTINGS.inputs, None) == (0, 1)
    with pytest.raises(ConfigError, match="the rails are: main"):
        steps.pair(SETTINGS.inputs, "gpu")
