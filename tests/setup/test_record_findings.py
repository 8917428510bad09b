"""What one record betrays, from records made by hand."""

import numpy as np
import pytest
from setup.conftest import inputs

from monitor.config import InstrumentSettings
from monitor.model import Supply
from monitor.setup.levels import measure
from monitor.setup.record_findings import of_record
from monitor.sources.inspect import InputState, Panel

RATE_HZ = 20_000.0


def panel(voltage=100.0, current=10.0, *, range_v=1000.0, range_a=20.0):
    """Return a scope that shows V on input 1 and A on input 2."""
    return Panel(
        identity="KEYSIGHT TECHNOLOGIES,DSO-X 3024T,X,07.50",
        dialect="keysight",
        dialect_name="Keysight InfiniiVision",
        inputs=(
            InputState(1, True, "V", voltage, "DC", range_v, 0.0),
            InputState(2, True, "A", current, "DC", range_a, 0.0),
        ),
        record_s=None,
        sample_rate_hz=None,
    )


def judged(volts, amps, *, at=None, **changes):
    settings = InstrumentSettings(address="TCPIP::127.0.0.1::5025::SOCKET", **changes)
    levels = measure(np.stack([volts, amps]), (0, 0), RATE_HZ, settings.inputs)
    return of_record(levels, settings, at or panel())


def wave(rms, *, n=2000, lag=0.0, hz=50.0):
    return rms * np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(n) / RATE_HZ - lag)


def flat(level, *, n=2000):
    return np.full(n, level)


def test_a_good_record_has_no_findings():
    assert judged(wave(230.0), wave(4.0)) == ()
    assert judged(wave(120.0, hz=60.0), wave(4.0, hz=60.0, lag=0.5)) == ()
    assert judged(flat(12.0), flat(20.0), at=panel(range_v=20.0)) == ()
    assert judged(flat(0.9), flat(20.0), at=panel(range_v=2.0)) == ()


@pytest.mark.parametrize(
    ("level", "times", "command"),
    [
        (23.0, "a tenth of", ":CHANnel1:PROBe 1000"),
        (2300.0, "10 times", ":CHANnel1:PROBe 10"),
        (2.3, "a hundredth of", ":CHANnel1:PROBe 10000"),
        (12.0, "a tenth of", ":CHANnel1:PROBe 1000"),
    ],
)
def test_mains_is_off_by_a_factor_that_is_named(level, times, command):
    (finding,) = judged(wave(level), wave(4.0))
    assert (finding.id, finding.level) == ("probe-factor", "error")
    assert times in finding.what
    assert command in finding.fix


@pytest.mark.parametrize("level", [3.3, 5.0, 19.5, 20.0])
def test_a_dc_voltage_that_others_have_is_no_wrong_factor(level):
    at = panel(10.0, range_v=30.0)
    assert judged(flat(level), flat(20.0), at=at) == ()


def test_a_low_dc_voltage_is_a_wrong_factor_unless_somebody_says_that_it_is_right():
    at = panel(10.0, range_v=2.0)
    (finding,) = judged(flat(1.2), flat(20.0), at=at)
    assert (finding.id, finding.level) == ("probe-factor", "error")
    assert "--expect 1.2" in finding.fix
    (finding,) = judged(flat(1.2), flat(20.0), at=at, nominal_v=12.0)
    assert (finding.id, finding.level) == ("probe-factor", "error")
    assert judged(flat(1.2), flat(20.0), at=at, nominal_v=1.2) == ()
    (finding,) = judged(flat(1.2), flat(20.0), at=at, nominal_v=3.3)
    assert finding.id == "unexpected-voltage"


def test_a_voltage_whose_mean_is_taken_away_is_no_voltage():
    ripple = 2.0 * np.sin(0.3 * np.arange(2000))
    (finding,) = judged(ripple, flat(20.0), at=panel(range_v=20.0))
    assert (finding.id, finding.level) == ("no-voltage", "error")
    assert "couple the input and the probe DC" in finding.fix


@pytest.mark.parametrize("supply", [Supply.AUTO, Supply.MAINS])
@pytest.mark.parametrize(
    ("n", "said"), [(100, "less than one line cycle"), (600, "no whole line cycle")]
)
def test_a_record_too_short_for_a_line_cycle_is_noticed(n, said, supply):
    found = judged(wave(230.0, n=n), wave(4.0, n=n), supply=supply)
    assert [f.id for f in found] == ["record-too-short"]
    assert said in found[0].what
    assert "record_s = 0.1" in found[0].fix


def test_a_short_record_of_a_dc_supply_is_fine():
    assert judged(flat(12.0, n=100), flat(20.0, n=100), at=panel(range_v=20.0)) == ()


def test_a_small_signal_is_noted_with_its_share():
    (finding,) = judged(wave(230.0), wave(4.0), at=panel(range_v=20_000.0))
    assert (finding.id, finding.level, finding.input) == ("small-signal", "note", 1)
    assert "3 % of the screen" in finding.what


def test_a_clamp_around_nothing_is_noticed():
    (finding,) = judged(wave(230.0), wave(0.01))
    assert (finding.id, finding.input) == ("no-current", 2)


def test_a_clamp_in_volts_is_judged_in_amperes():
    at = panel(current=1.0, range_a=2.0)
    assert judged(wave(230.0), wave(4.0), at=at, inputs=inputs(ratio=10.0)) == ()
    (finding,) = judged(wave(230.0), wave(0.3), at=at, inputs=inputs(ratio=10.0))
    assert finding.id == "small-signal"


def test_more_current_than_an_outlet_gives_is_noted():
    """A clamp that is taken for one of a tenth of its volts per ampere shows nothing else."""
    at = panel(current=1.0, range_a=2.0)
    (finding,) = judged(wave(230.0), wave(40.7), at=at, inputs=inputs(ratio=100.0))
    assert (finding.id, finding.level, finding.input) == ("large-current", "note", 2)
    assert "more than the 16 A" in finding.what
    assert "is it 100 mV/A, not 10 mV/A? then ratio = 10" in finding.fix
    (finding,) = judged(wave(230.0), wave(40.7), at=panel(range_a=200.0))
    assert "at the scope" in finding.fix
    assert judged(wave(230.0), wave(15.0), at=panel(range_a=60.0)) == ()
    assert judged(flat(12.0), flat(60.0), at=panel(range_v=20.0, range_a=100.0)) == ()


def test_a_current_of_another_circuit_is_noticed():
    (finding,) = judged(wave(230.0), wave(4.0, lag=np.pi / 2))
    assert finding.id == "power-factor"


def test_a_reversed_clamp_is_noticed_at_any_power_factor():
    for lag in (np.pi, np.pi + 0.5, np.pi - 0.5):
        (finding,) = judged(wave(230.0), wave(4.0, lag=lag))
        assert finding.id == "clamp-reversed"
        assert "say that it is the wrong way round (ratio = -1 for input 2)" in finding.fix


def test_a_clamp_that_is_said_to_be_reversed_and_is_not_is_noticed():
    at = panel(current=1.0, range_a=2.0)
    (finding,) = judged(wave(230.0), -wave(4.0), at=at, inputs=inputs(ratio=-10.0))
    assert "not the wrong way round (ratio = 10 for input 2)" in finding.fix


def test_a_supply_of_the_other_kind_is_noticed():
    (finding,) = judged(wave(230.0), wave(4.0), supply=Supply.DC)
    assert (finding.id, 'supply = "mains"' in finding.fix) == ("supply", True)
    (finding,) = judged(flat(12.0), flat(9.0), supply=Supply.MAINS, at=panel(range_v=20.0))
    assert (finding.id, 'supply = "dc"' in finding.fix) == ("supply", True)
