"""The mistakes of a new user, made at scopes over real PyVISA: each is noticed and named."""

import asyncio
import dataclasses

import numpy as np
import pytest
from setup.conftest import POWER_W, Desk, inputs

from monitor.config import InstrumentSettings
from monitor.model import Supply
from monitor.setup.findings import of_own_record, of_panel
from monitor.setup.levels import measure
from monitor.setup.record_findings import of_record
from monitor.sources.inspect import InputState, Panel


def desk(change=lambda channels: None, supply="mains", *, look=None, **connected):
    """Return a scope whose user did something, and what is asked of it."""
    one = Desk(supply, **connected)
    change(one.channels)
    return one, look or {}


def shows_open_input(channels):
    channels[2].display = True


def clamp_in_volts(channels):
    channels[1].attach(1.0)
    channels[1].units = "VOLT"


def both_in_volts_of_the_other(channels):
    channels[0].attach(channels[1].probe)
    channels[1].attach(1.0)
    for channel in channels[:2]:
        channel.units = "VOLT"


def a_tenth_of_the_factor(channels):
    channels[0].attach(channels[0].probe / 10)


def ac_coupled(channels):
    channels[0].coupling = "AC"


def volts_with_the_clamps_factor(channels):
    channels[1].units = "VOLT"


def clamp_scaled_probe_not(channels):
    channels[0].attach(1.0)
    channels[1].units = "VOLT"


def too_sensitive(channels):
    channels[1].range /= 4


def desks():
    volts = {"inputs": inputs(ratio=10.0)}
    return {
        "good mains": desk(),
        "good dc": desk(supply="dc"),
        "open input": desk(shows_open_input, look={"inputs": inputs(voltage=3)}),
        "off and missing": desk(look={"inputs": inputs(voltage=3, current=7)}),
        "swapped units": desk(look={"inputs": inputs(voltage=2, current=1)}),
        "swapped units, clamp named": desk(look={"inputs": inputs(2, 1, ratio=10.0)}),
        "swapped factors mains": desk(clamp_in_volts, look={"inputs": inputs(2, 1, ratio=10.0)}),
        "swapped factors dc": desk(clamp_in_volts, "dc", look={"inputs": inputs(2, 1, ratio=10.0)}),
        "swapped mains": desk(both_in_volts_of_the_other, swapped=True, look=volts),
        "swapped dc": desk(both_in_volts_of_the_other, "dc", swapped=True, look=volts),
        "reversed mains": desk(is_reversed=True),
        "reversed dc": desk(supply="dc", is_reversed=True),
        "reversed in volts": desk(clamp_in_volts, is_reversed=True, look=volts),
        "turned": desk(clamp_in_volts, is_reversed=True, look={"inputs": inputs(ratio=-10.0)}),
        "factor mains": desk(a_tenth_of_the_factor),
        "factor dc": desk(a_tenth_of_the_factor, "dc"),
        "ac": desk(ac_coupled, "dc"),
        "too short": desk(look={"record_s": 0.005}),
        "twice": desk(volts_with_the_clamps_factor, look=volts),
        "twice, of a probe at 1X": desk(clamp_scaled_probe_not, "dc", look=volts),
        "clipping": desk(too_sensitive),
    }


@pytest.fixture(scope="module")
def trials():
    """Return a look at each of the scopes; all at once, as each is mostly waiting."""

    async def run():
        made = desks()
        looks = [one.look(**asked) for one, asked in made.values()]
        return dict(zip(made, await asyncio.gather(*looks), strict=True))

    return asyncio.run(run())


def named(trial, *, level=None):
    return [f.id for f in trial.findings if level in {None, f.level}]


def only(trial):
    (finding,) = trial.findings
    return finding


@pytest.mark.parametrize(
    ("supply", "volts", "hz"), [("mains", 230.0, 50.01), ("dc", 11.9, None)], ids=["mains", "dc"]
)
def test_a_good_set_up_has_no_findings(trials, supply, volts, hz):
    trial = trials[f"good {supply}"]
    assert trial.findings == ()
    assert not trial.is_wrong
    voltage, current = trial.levels.channels
    (rail,) = trial.levels.rails
    assert voltage.rms == pytest.approx(volts, rel=0.03)
    assert current.n_clipped == 0
    assert rail.mean_w == pytest.approx(POWER_W, rel=0.01)
    assert rail.line_hz == (hz and pytest.approx(hz, abs=0.05))


def test_a_voltage_looked_for_at_an_open_input_is_noticed(trials):
    finding = only(trials["open input"])
    assert (finding.id, finding.level, finding.input) == ("no-voltage", "error", 3)
    assert "the scope also shows 1 in volts" in finding.fix


def test_an_input_that_is_switched_off_or_missing_is_refused(trials):
    trial = trials["off and missing"]
    assert trial.is_refused
    assert named(trial) == ["switched-off", "no-input"]
    assert ":CHANnel3:DISPlay ON" in trial.findings[0].fix
    assert trial.findings[0].fix.endswith(": V is shown on input 1")
    assert "it has 1, 2, 3, 4" in trial.findings[1].what
    assert trial.findings[1].fix.endswith(": A is shown on input 2")


@pytest.mark.parametrize("how", ["swapped units", "swapped units, clamp named"])
def test_swapped_inputs_are_refused_by_their_units(trials, how):
    trial = trials[how]
    assert trial.is_refused
    assert only(trial).id == "swapped"
    assert "the voltage is on input 1 and the current on input 2" in only(trial).what
    assert "--voltage 1 --current 2" in only(trial).fix


@pytest.mark.parametrize("supply", ["mains", "dc"])
def test_swapped_inputs_whose_factors_contradict_are_told_from_a_wrong_factor(trials, supply):
    """To obey what is said of a factor would take the right one away."""
    trial = trials[f"swapped factors {supply}"]
    assert trial.is_refused
    assert only(trial).id == "swapped"
    assert only(trials["twice"]).id == "probe-factor"
    assert only(trials["twice, of a probe at 1X"]).id == "probe-factor"


@pytest.mark.parametrize("supply", ["mains", "dc"])
def test_swapped_inputs_are_noticed_where_the_scope_shows_volts(trials, supply):
    trial = trials[f"swapped {supply}"]
    assert named(trial, level="error")[0] == "swapped"
    assert "name input 2 as the voltage and 1 as the current" in trial.findings[0].fix


@pytest.mark.parametrize("supply", ["mains", "dc"])
def test_a_reversed_clamp_is_noticed(trials, supply):
    finding = only(trials[f"reversed {supply}"])
    assert (finding.id, finding.level, finding.input) == ("clamp-reversed", "error", 2)
    assert "(ratio = -1 for input 2)" in finding.fix


def test_a_reversed_clamp_in_volts_is_turned_by_a_negative_ratio(trials):
    assert "(ratio = -10 for input 2)" in only(trials["reversed in volts"]).fix
    trial = trials["turned"]
    assert trial.findings == ()
    assert trial.levels.rails[0].mean_w == pytest.approx(POWER_W, rel=0.01)


@pytest.mark.parametrize(("supply", "right"), [("mains", 100.0), ("dc", 10.0)])
def test_a_probe_at_10x_with_the_scope_at_1x_is_noticed(trials, supply, right):
    finding = only(trials[f"factor {supply}"])
    assert (finding.id, finding.input) == ("probe-factor", 1)
    assert f":CHANnel1:PROBe {right:g}" in finding.fix
    assert trials[f"factor {supply}"].is_wrong


def test_the_command_for_a_factor_is_that_of_the_scope():
    levels = measure(np.stack([np.full(2000, 1.2), np.full(2000, 20.0)]), (0, 0), 20e3, inputs())
    state = InputState(1, True, "V", 1.0, "DC", 2.0, 0.0)
    panel = dataclasses.replace(PANEL, identity=MDO, dialect="tektronix", inputs=(state,))
    settings = InstrumentSettings(address="x")
    (finding,) = (f for f in of_record(levels, settings, panel) if f.id == "probe-factor")
    assert "(CH1:PRObe:GAIN 0.1)" in finding.fix


def test_an_ac_coupled_voltage_is_refused_with_the_command(trials):
    assert trials["ac"].is_refused
    assert only(trials["ac"]).id == "ac-coupled"
    assert ":CHANnel1:COUPling DC" in only(trials["ac"]).fix


def test_a_record_too_short_for_a_line_cycle_is_noticed(trials):
    assert named(trials["too short"], level="error") == ["record-too-short"]


def test_a_clamp_that_would_be_scaled_twice_is_refused(trials):
    finding = only(trials["twice"])
    assert finding.id == "probe-factor"
    assert ":CHANnel2:PROBe 1" in finding.fix


def test_clipping_is_noticed(trials):
    finding = only(trials["clipping"])
    assert (finding.id, finding.level, finding.input) == ("clipping", "error", 2)


MDO = "TEKTRONIX,MDO3024,C1,CF:91.1CT FV:v1.26"
PANEL = Panel(
    identity="KEYSIGHT TECHNOLOGIES,DSO-X 3024T,X,07.50",
    dialect="keysight",
    dialect_name="Keysight InfiniiVision",
    inputs=(InputState(1, True, "V", 1.0, "DC", 10.0, 0.0),),
    record_s=0.005,
    sample_rate_hz=None,
)


def test_a_record_that_the_profile_makes_long_enough_is_told_of():
    settings = InstrumentSettings(address="x", record_s=0.1)
    (note,) = of_own_record(settings, PANEL)
    assert (note.id, note.level) == ("own-record-too-short", "note")
    assert "records of 5 ms" in note.what
    assert "sets 100 ms" in note.fix
    dc = InstrumentSettings(address="x", record_s=0.1, supply=Supply.DC)
    long = InstrumentSettings(address="x", record_s=0.01)
    assert of_own_record(dc, PANEL) == of_own_record(long, PANEL) == ()


def test_a_scope_that_understands_nothing_is_of_another_dialect():
    silent = dataclasses.replace(PANEL, inputs=(), dialect="tektronix", dialect_name="Tektronix")
    (finding,) = of_panel(InstrumentSettings(address="x"), silent)
    assert finding.id == "wrong-dialect"
    assert 'dialect = "keysight"' in finding.fix
