"""What is peculiar to the bench's Rigols, without a socket."""

import asyncio

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.vendors.rigol import RigolScope


class Bench:
    def __init__(self, **settings):
        self.clock = Clock()
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = RigolScope(self.scope, sleep=self.clock.sleep)

    def ask(self, *lines):
        """Return the reply to the last of some lines, or None."""
        replies = [asyncio.run(self.instrument.execute(line)) for line in lines]
        return replies[-1][0] if replies[-1] else None

    def error(self):
        return int(self.ask(":SYST:ERR?").partition(",")[0])

    def take(self):
        self.ask(":SING", ":TFOR")
        self.ask(":TRIG:STAT?")
        self.clock.jump(2.0)
        assert self.ask(":TRIG:STAT?") == "STOP"

    def values(self, channel):
        """Return what is read of an input, by the formula of the guide."""
        fields = self.ask(f":WAV:SOUR CHAN{channel}", ":WAV:PRE?").split(",")
        data = self.ask(":WAV:DATA?")
        assert data[:2] == b"#9"
        assert int(data[2:11]) == len(data) - 11
        codes = np.frombuffer(data[11:], "<u2" if fields[0] == "1" else "u1").astype(float)
        increment, origin, reference = map(float, fields[7:])
        return (codes - origin - reference) * increment


def test_bits_choose_the_model():
    assert ",DHO1074," in Bench(bits=12).ask("*IDN?")
    assert ",DS1104Z," in Bench(bits=8).ask("*IDN?")


def test_a_single_record_waits_until_it_is_forced():
    bench = Bench()
    bench.ask(":SING")
    assert bench.ask(":TRIG:STAT?") == "STOP"  # of the record before
    bench.clock.jump(10.0)
    assert bench.ask(":TRIG:STAT?") == "WAIT"
    assert bench.scope.record is None
    bench.ask(":TFOR")
    assert bench.ask(":TRIG:STAT?") == "TD"
    bench.clock.jump(1.0)
    assert bench.ask(":TRIG:STAT?") == "STOP"
    assert bench.scope.record is not None


def test_the_offset_lifts_the_trace():
    bench = Bench()
    shown = bench.scope.panel.channels[0].middle
    assert float(bench.ask(":CHAN1:OFFS?")) == -shown
    bench.ask(":CHAN1:OFFS 12")
    assert bench.scope.panel.channels[0].middle == -12.0


@pytest.mark.parametrize(
    ("bits", "form", "error"),
    [(12, "WORD", 0.04), (12, "BYTE", 0.51), (8, "BYTE", 0.51), (8, "WORD", 0.51)],
)
def test_the_formula_of_the_guide_turns_codes_into_values(bits, form, error):
    bench = Bench(bits=bits)
    bench.take()
    bench.ask(":WAV:MODE RAW", f":WAV:FORM {form}")
    values = bench.values(1)
    expected = (bench.scope.record.start + np.arange(bench.scope.record.n)) % 100
    assert len(values) == bench.scope.record.n
    assert np.abs(values - expected).max() <= error * bench.scope.panel.channels[0].range / 250


def test_a_dho_tells_the_page_and_a_ds1000z_the_record():
    for bits, n_points in ((12, "100"), (8, "1000")):
        bench = Bench(bits=bits)
        bench.take()
        bench.ask(":WAV:MODE RAW", ":WAV:STAR 101", ":WAV:STOP 200")
        assert bench.ask(":WAV:PRE?").split(",")[2] == n_points
        assert len(bench.values(1)) == 100


def test_a_page_that_is_too_long_and_a_scope_that_runs_give_an_empty_block():
    bench = Bench()
    bench.take()
    bench.ask(":WAV:MODE RAW", ":WAV:FORM WORD", ":WAV:STAR 1", ":WAV:STOP 125001")
    assert bench.ask(":WAV:DATA?") == b"#9000000000"
    bench.ask(":WAV:STOP 1000")
    assert len(bench.ask(":WAV:DATA?")) == 11 + 2000
    bench.ask(":RUN")
    assert bench.ask(":TRIG:STAT?") == "AUTO"
    assert bench.ask(":WAV:DATA?") == b"#9000000000"


def test_the_screen_can_be_read_while_it_runs():
    bench = Bench()
    bench.ask(":RUN")
    bench.clock.jump(2.0)
    assert bench.ask(":WAV:MODE?") == "NORM"
    assert len(bench.values(1)) == 1000


def test_the_timebase_is_one_two_or_five():
    bench = Bench(bits=8)
    bench.ask(":TIM:MAIN:SCAL 0.0416666667")
    assert float(bench.ask(":TIM:SCAL?")) == 0.05
    assert bench.scope.panel.range_s == pytest.approx(0.6)


def test_the_depth_is_automatic_until_it_is_set_while_running():
    bench = Bench(bits=8)
    assert bench.ask(":ACQ:MDEP?") == "AUTO"
    bench.ask(":ACQ:MDEP 60000")
    assert bench.ask(":ACQ:MDEP?") == "AUTO"  # a stopped scope keeps it
    bench.ask(":RUN", ":ACQ:MDEP 60000")
    assert bench.error() == 0
    assert bench.scope.panel.points == 60_000
    bench.ask(":ACQ:MDEP 12000")  # two inputs are on
    assert bench.error() == -222


def test_reset_and_power_forget_what_was_set():
    bench = Bench()
    bench.take()
    bench.ask(":WAV:FORM WORD", ":WAV:MODE RAW")
    bench.instrument.power_cycle()
    assert (bench.ask(":WAV:FORM?"), bench.ask(":WAV:MODE?")) == ("BYTE", "NORM")
    assert bench.ask(":WAV:DATA?") is None
    assert bench.error() == -230
    bench.ask("*RST")
    assert bench.ask(":CHAN2:UNIT?") == "VOLT"


@given(st.text(max_size=60))
def test_no_message_breaks_the_instrument(message):
    bench = Bench()
    bench.ask(message)
    assert bench.ask("*OPC?") == "1"
