"""The mistakes of a new user, made at a scope over real PyVISA: each is noticed and named."""

import pytest
from setup.conftest import POWER_W, inputs


def named(trial, *, level=None):
    return [f.id for f in trial.findings if level in {None, f.level}]


def only(trial):
    (finding,) = trial.findings
    return finding


@pytest.mark.parametrize(
    ("supply", "volts", "hz"), [("mains", 230.0, 50.01), ("dc", 11.9, None)], ids=["mains", "dc"]
)
def test_a_good_set_up_has_no_findings(desk, supply, volts, hz):
    trial = desk(supply).look()
    assert trial.findings == ()
    assert not trial.is_wrong
    voltage, current = trial.levels.channels
    (rail,) = trial.levels.rails
    assert voltage.rms == pytest.approx(volts, rel=0.03)
    assert current.n_clipped == 0
    assert rail.mean_w == pytest.approx(POWER_W, rel=0.01)
    assert rail.line_hz == (hz and pytest.approx(hz, abs=0.05))


def test_a_voltage_looked_for_at_an_open_input_is_noticed(desk):
    one = desk()
    one.channels[2].display = True
    finding = only(one.look(inputs=inputs(voltage=3)))
    assert (finding.id, finding.level, finding.input) == ("no-voltage", "error", 3)
    assert "the scope also shows 1 in volts" in finding.fix


def test_an_input_that_is_switched_off_or_missing_is_refused(desk):
    trial = desk().look(inputs=inputs(voltage=3, current=7))
    assert trial.is_refused
    assert named(trial) == ["switched-off", "no-input"]
    assert ":CHANnel3:DISPlay ON" in trial.findings[0].fix
    assert "it has 1, 2, 3, 4" in trial.findings[1].what


def test_swapped_inputs_are_refused_by_their_units(desk):
    trial = desk().look(inputs=inputs(voltage=2, current=1))
    assert trial.is_refused
    assert named(trial) == ["unit", "unit"]


@pytest.mark.parametrize("supply", ["mains", "dc"])
def test_swapped_inputs_are_noticed_where_the_scope_shows_volts(desk, supply):
    one = desk(supply, swapped=True)
    one.channels[0].attach(one.channels[1].probe)
    one.channels[1].attach(1.0)
    for channel in one.channels[:2]:
        channel.units = "VOLT"
    trial = one.look(inputs=inputs(ratio=10.0))
    assert named(trial, level="error")[0] == "swapped"
    assert "name input 2 as the voltage and 1 as the current" in trial.findings[0].fix


@pytest.mark.parametrize("supply", ["mains", "dc"])
def test_a_reversed_clamp_is_noticed(desk, supply):
    finding = only(desk(supply, is_reversed=True).look())
    assert (finding.id, finding.level, finding.input) == ("clamp-reversed", "error", 2)
    assert "ratio = -1 " in finding.fix


def test_a_reversed_clamp_in_volts_is_turned_by_a_negative_ratio(desk):
    one = desk(is_reversed=True)
    one.channels[1].attach(1.0)
    one.channels[1].units = "VOLT"
    assert "ratio = -10 " in only(one.look(inputs=inputs(ratio=10.0))).fix
    trial = one.look(inputs=inputs(ratio=-10.0))
    assert trial.findings == ()
    assert trial.levels.rails[0].mean_w == pytest.approx(POWER_W, rel=0.01)


@pytest.mark.parametrize(("supply", "right"), [("mains", 100.0), ("dc", 10.0)])
def test_a_probe_at_10x_with_the_scope_at_1x_is_noticed(desk, supply, right):
    one = desk(supply)
    one.channels[0].attach(right / 10)
    finding = only(one.look())
    assert (finding.id, finding.input) == ("probe-factor", 1)
    assert f":CHANnel1:PROBe {right:g}" in finding.fix


def test_an_ac_coupled_voltage_is_refused_with_the_command(desk):
    one = desk("dc")
    one.channels[0].coupling = "AC"
    trial = one.look()
    assert trial.is_refused
    assert only(trial).id == "ac-coupled"
    assert ":CHANnel1:COUPling DC" in only(trial).fix


def test_a_record_too_short_for_a_line_cycle_is_noticed(desk):
    trial = desk().look(record_s=0.005)
    assert named(trial, level="error") == ["record-too-short"]


def test_a_clamp_that_would_be_scaled_twice_is_refused(desk):
    one = desk()
    one.channels[1].units = "VOLT"
    finding = only(one.look(inputs=inputs(ratio=10.0)))
    assert finding.id == "probe-factor"
    assert ":CHANnel2:PROBe 1" in finding.fix


def test_clipping_is_noticed(desk):
    one = desk()
    one.channels[1].range /= 4
    finding = only(one.look())
    assert (finding.id, finding.level, finding.input) == ("clipping", "error", 2)
