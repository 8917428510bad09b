"""The bench as a whole, in this process."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from bench.fakes import readings

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.bench.scope.panel import Record
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.errors import ConfigError, RecordingError

CAPTURE = Path(__file__).parents[1] / "data/gpu_meter/3090_TR"


def measure(settings):
    """Return voltage, current and the lab after one record of five line cycles."""

    async def run():
        async with Lab(settings) as lab:
            lab.scope.panel.range_s, lab.scope.panel.points = 0.1, 10_000
            lab.scope.single()
            await asyncio.sleep(lab.scope.wait_s() + 0.01)
            volts, amps = (readings(lab.scope, lab.scope.record, channel) for channel in (0, 1))
            return volts, amps, lab

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("supply", "vrms_v"), [("mains230", 230.0), ("mains120", 120.0), ("dc", 11.9)]
)
def test_each_supply_carries_the_power_of_the_workload(supply, vrms_v):
    settings = BenchSettings(supply=supply, workload=WorkloadSettings(texture=0.0))
    volts, amps, lab = measure(settings)
    assert np.sqrt(np.mean(volts**2)) == pytest.approx(vrms_v, rel=0.02)
    idle_w = lab.workload.power(np.array([0.5]))[0]
    assert np.mean(volts * amps) == pytest.approx(idle_w, rel=0.01)


def test_a_clamp_may_be_shown_in_volts():
    settings = BenchSettings(supply="dc", current_in_volts=True)
    volts, clamp, lab = measure(settings)
    assert lab.scope.panel.channels[1].units == "VOLT"
    idle_w = lab.workload.power(np.array([0.5]))[0]
    assert np.mean(volts * clamp * 10.0) == pytest.approx(idle_w, rel=0.02)


def shown(*mistakes, supply="mains230", channel=0):
    """Return what an input shows for five line cycles, and the scope."""
    settings = BenchSettings(supply=supply, mistakes=mistakes)
    lab = Lab(settings)
    state = lab.scope.panel.channels[channel]
    record = Record(0, 10_000, 10_000, tuple(lab.scope.panel.channels))
    values = readings(lab.scope, record, channel)
    assert np.ptp(values) < 0.9 * state.range or not state.display
    return values, lab.scope


@pytest.mark.parametrize("supply", ["mains230", "dc"])
def test_a_reversed_clamp_turns_the_current_round(supply):
    right, scope = shown(supply=supply, channel=1)
    wrong, _ = shown("clamp-reversed", supply=supply, channel=1)
    np.testing.assert_allclose(wrong, -right, atol=scope.panel.channels[1].range / 2000)


def test_a_probe_factor_left_at_a_tenth_shows_a_tenth():
    right, wrong = shown()[0], shown("probe-10x")[0]
    assert np.std(wrong) == pytest.approx(np.std(right) / 10, rel=0.01)


def test_an_ac_coupled_input_hides_the_mean():
    assert np.mean(shown(supply="dc")[0]) == pytest.approx(12, abs=0.3)
    assert np.mean(shown("ac-coupled", supply="dc")[0]) == pytest.approx(0, abs=0.01)


def test_a_clamp_on_another_input_is_there_and_not_where_it_should_be():
    right = shown(channel=1)[0]
    assert np.std(shown("wrong-channel", channel=1)[0]) < 0.01
    elsewhere, scope = shown("wrong-channel", channel=2)
    np.testing.assert_allclose(elsewhere, right)
    assert [channel.display for channel in scope.panel.channels] == [True, False, True, False]


def test_a_short_record_holds_no_line_cycle():
    assert shown("short-record")[1].panel.range_s < 0.02


def test_a_mistake_that_nobody_makes_is_refused_with_those_that_people_do():
    with pytest.raises(ConfigError, match=r"'spilt-coffee'.*clamp-reversed, probe-10x"):
        BenchSettings(mistakes=("spilt-coffee",))


def test_a_capture_takes_the_place_of_the_workload():
    volts, amps, lab = measure(BenchSettings(capture=CAPTURE, start_delay_s=5.0))
    assert lab.workload is None
    assert np.mean(volts) == pytest.approx(12.1, abs=0.1)
    assert 100.0 < np.mean(volts * amps) < 150.0


def test_the_load_begins_after_its_delay_on_the_clock_of_the_samples():
    lab = Lab(BenchSettings(start_delay_s=2.5))
    lab.zero_ns = 10**18
    assert lab.time_ns(1.25) - lab.zero_ns == 3_750_000_000


def test_a_folder_that_is_no_capture_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"PMD_data\.bin"):
        Lab(BenchSettings(capture=tmp_path))


@pytest.mark.parametrize("dialect", INSTRUMENTS)
def test_each_dialect_names_an_instrument_that_identifies_itself(dialect):
    lab = Lab(BenchSettings(dialect=dialect))
    (identity,) = asyncio.run(lab.instrument.execute("*IDN?"))
    assert identity.count(",") == 3


def test_a_dialect_that_nothing_on_the_bench_speaks_is_refused_with_those_that_exist():
    with pytest.raises(ConfigError, match=r"'klingon'.*keysight"):
        BenchSettings(dialect="klingon")


@pytest.mark.parametrize("broker", ["localhost", "http://localhost", "mqtt://", ""])
def test_a_broker_must_be_an_mqtt_address(broker):
    with pytest.raises(ConfigError, match=r"expected mqtt://.*HOST"):
        BenchSettings(broker=broker)
