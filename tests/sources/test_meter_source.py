"""A meter alone is a stream: its energy is that of its readings, and its gaps are gaps."""

import asyncio
import contextlib

import msgspec
import numpy as np
import pytest
from fake_meters import ListMeter, reading
from fakes import T0_NS, FakeClock

from monitor.errors import ConfigError
from monitor.model import NS, Block, Marker, Quantity, Reading, SlowChannel
from monitor.sources.meters.source import MeterSource
from monitor.sources.source import event

POWER = SlowChannel(name="power", source="WT310", unit="W", interval_s=1.0, window_s=0.5)
VOLTS = SlowChannel(name="voltage", source="WT310", unit="V", interval_s=1.0)
AMPS = SlowChannel(name="current", source="WT310", unit="A", interval_s=1.0)
HERTZ = SlowChannel(name="frequency", source="WT310", unit="Hz", interval_s=1.0)


def events(*at):
    return [event("lost", kind, T0_NS + round(at_s * NS)) for kind, at_s in at]


async def streamed(items, channels, **how):
    meter = ListMeter(items, channels=channels, hold=False)
    async with (
        MeterSource(meter, FakeClock(), **how) as source,
        contextlib.aclosing(source.items()) as items,
    ):
        return source.info, [item async for item in items]


def stream(items, channels=(POWER,), **how):
    return asyncio.run(streamed(items, channels, **how))


def watts(info, items, every=10):
    """Return power by the hundredth of a second, or finer; NaN where there is none."""
    blocks = [item for item in items if isinstance(item, Block)]
    out = np.full((len(info.channels), max(b.stop for b in blocks)), np.nan)
    for block in blocks:
        assert np.isnan(out[:, block.start : block.stop]).all()
        for row, codes, scale in zip(out, block.codes, block.scales, strict=True):
            row[block.start : block.stop] = scale.gain * codes + scale.offset
    return out[:, ::every]


def test_a_reading_stands_for_the_time_since_the_one_before():
    info, items = stream([reading(100.0, 1.0, POWER), reading(200.0, 2.0, POWER)])
    power = watts(info, items)[0]
    assert info.sample_rate_hz == 1000.0
    assert info.channels[0].quantity is Quantity.POWER
    np.testing.assert_allclose(power[52:99], 100.0)
    np.testing.assert_allclose(power[101:199], 200.0)
    assert np.isnan(power[:48]).all(), "the first holds over its own window alone"


def test_the_energy_is_that_of_the_readings():
    at_s = np.cumsum([1.0, 1.003, 0.991, 1.012, 0.999])
    values = [100.0, 317.0, 50.0, 411.0, 90.0]
    info, items = stream([reading(v, t, POWER) for v, t in zip(values, at_s, strict=True)])
    energy_j = np.nansum(watts(info, items, every=1)[0]) / info.sample_rate_hz
    expected = 0.5 * values[0] + sum(np.diff(at_s) * values[1:])
    assert energy_j == pytest.approx(expected, abs=0.001 * (values[0] + values[-1]))


def test_after_a_missing_reading_there_is_a_gap():
    info, items = stream([reading(100.0, 1.0, POWER), reading(200.0, 4.0, POWER)])
    power = watts(info, items)[0]
    assert np.isnan(power[102:348]).all()
    np.testing.assert_allclose(power[352:398], 200.0)


def test_a_loss_ends_what_stood():
    info, items = stream([
        reading(100.0, 1.0, POWER), *events(("lost", 1.2), ("reconnected", 1.8)),
        reading(200.0, 2.0, POWER),
    ])  # fmt: skip
    power = watts(info, items)[0]
    assert np.isnan(power[102:148]).all()
    assert [i.attrs["kind"] for i in items if isinstance(i, Marker)] == ["lost", "reconnected"]


def test_without_a_power_voltage_and_current_are_measured_from():
    info, items = stream(
        [reading(12.0, 1.0, VOLTS), reading(2.0, 1.001, AMPS), reading(50.0, 1.002, HERTZ),
         reading(12.1, 2.0, VOLTS), reading(3.0, 2.001, AMPS)],
        channels=(VOLTS, HERTZ, AMPS),
    )  # fmt: skip
    assert [c.quantity for c in info.channels] == [Quantity.VOLTAGE, Quantity.CURRENT]
    assert len({c.rail for c in info.channels}) == 1
    assert "caution" in info.instrument
    volts, amps = watts(info, items)
    np.testing.assert_allclose((volts * amps)[110:190], 36.3, rtol=1e-4)
    assert [i.channel for i in items if isinstance(i, Reading)] == [HERTZ]


def test_half_a_sweep_is_a_gap():
    info, items = stream(
        [reading(12.0, 1.0, VOLTS), reading(2.0, 1.001, AMPS), reading(12.0, 2.0, VOLTS),
         reading(12.0, 3.0, VOLTS), reading(2.0, 3.001, AMPS)],
        channels=(VOLTS, AMPS),
    )  # fmt: skip
    volts = watts(info, items)[0]
    assert np.isnan(volts[103:198]).all()


def test_a_meter_without_power_is_refused_and_left():
    meter = ListMeter([], channels=(HERTZ, VOLTS))

    async def work():
        async with MeterSource(meter, FakeClock()):
            pass

    with pytest.raises(ConfigError, match=r"must give a power in W.*frequency in 'Hz'"):
        asyncio.run(work())
    assert meter.n_left == 1


def test_a_report_of_a_change_stands_until_the_next():
    info, items = stream(
        [reading(100.0, 1.0, POWER), reading(200.0, 11.0, POWER), reading(50.0, 13.0, POWER)],
        tells_changes=True,
    )
    power = watts(info, items)[0]
    np.testing.assert_allclose(power[102:1098], 100.0)
    np.testing.assert_allclose(power[1102:1298], 200.0)


def test_nobody_believes_a_report_for_longer_than_a_minute_and_a_half():
    info, items = stream(
        [reading(100.0, 1.0, POWER), reading(200.0, 301.0, POWER), reading(50.0, 302.0, POWER)],
        tells_changes=True,
    )
    power = watts(info, items)[0]
    assert np.isfinite(power[102:9098]).all()
    assert np.isnan(power[9102:30098]).all()


def test_an_error_value_ends_a_report_that_stood_and_others_do_not():
    def wrong(channel, at_s):
        mark = event("error values", "invalid", T0_NS + round(at_s * NS))
        return msgspec.structs.replace(mark, attrs={**mark.attrs, "channels": channel})

    info, items = stream(
        [reading(100.0, 1.0, POWER), wrong("current", 5.0), wrong("voltage, power", 8.0),
         reading(200.0, 11.0, POWER), reading(200.0, 12.0, POWER)],
        tells_changes=True,
    )  # fmt: skip
    power = watts(info, items)[0]
    np.testing.assert_allclose(power[102:798], 100.0)
    assert np.isnan(power[802:1098]).all()
    np.testing.assert_allclose(power[1102:1198], 200.0)


def test_an_error_value_between_means_is_a_gap_however_close_they_are():
    wrong = event("error values", "invalid", T0_NS + round(1.4 * NS))
    wrong = msgspec.structs.replace(wrong, attrs={**wrong.attrs, "channels": "power"})
    brief = msgspec.structs.replace(POWER, interval_s=1.0, window_s=0.5)
    info, items = stream(
        [reading(100.0, 1.0, brief), wrong, reading(200.0, 2.0, brief)], channels=(brief,)
    )
    block = [item for item in items if isinstance(item, Block)][-1]
    assert block.start / info.sample_rate_hz == pytest.approx(1.5, abs=0.01)


def test_what_is_beyond_the_codes_counts_as_clipped():
    _, items = stream([reading(3e5, 1.0, POWER), reading(100.0, 2.0, POWER)])
    blocks = [item for item in items if isinstance(item, Block)]
    assert blocks[0].clipped[0] == blocks[0].n_samples
    assert blocks[1].clipped == (1,), "the cell in which both lie"
