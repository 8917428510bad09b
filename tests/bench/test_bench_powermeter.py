"""The bench's power meters, without a socket: what they measure, and what they say of it."""

import asyncio
import math
import struct

import numpy as np
import pytest
from bench.fakes import WIRING, Clock

from monitor.bench.load.electrical import MAINS_230, Mains
from monitor.bench.meters.means import Averager
from monitor.bench.meters.powermeter import ScpiMeter, Wrong, YokogawaMeter
from monitor.bench.scope.panel import ScopeSettings
from monitor.bench.scope.scope import Scope

ITEMS = ["P", "U", "I", "S", "Q", "LAMBDA", "FU"]


def rising(t_s):
    """100 W, and 100 W more in each second."""
    return 100.0 + 100.0 * np.floor(t_s)


class Square:
    """+-10 V and +-2 A, in phase for the first half of each 20 ms, else opposed; 50 Hz."""

    limits = ((-10.0, 10.0), (-2.0, 2.0))

    def sample(self, start, n, rate_hz):
        phase = np.arange(start, start + n) / rate_hz * 50.0 % 1.0
        volts = np.where(phase < 0.5, -10.0, 10.0)
        return volts, np.where(phase % 0.5 < 0.375, 2.0, -2.0) * np.sign(volts)


class Bench:
    def __init__(self, kind, waveform=None, **settings):
        self.clock = Clock()
        waveform = waveform or Mains(MAINS_230, rising, 2000.0)
        averager = Averager(waveform, self.clock, **settings)
        scope = Scope(waveform, WIRING, ScopeSettings(), self.clock)
        self.instrument = kind(scope, averager, sleep=self.clock.sleep)
        self.reader = self.instrument.reader

    def ask(self, message):
        replies = asyncio.run(self.instrument.execute(message))
        return replies[0] if replies else None

    def numbers(self, message):
        return [float(field) for field in self.ask(message).split(",")]


def test_a_value_is_the_mean_of_the_newest_whole_update_interval():
    bench = Bench(ScpiMeter, update_s=0.5)
    assert bench.numbers(":MEAS:POW?") == [9.91e37], "there is none yet"
    for at_s, watts in ((0.5, 100.0), (0.99, 100.0), (1.2, 100.0), (1.6, 200.0), (2.1, 200.0)):
        bench.clock.ns = round(at_s * 1e9)
        assert bench.numbers(":MEAS:POW?") == pytest.approx([watts], rel=2e-3)


def test_every_quantity_is_what_it_is_by_definition():
    bench = Bench(ScpiMeter, Square())
    bench.clock.jump(0.3)
    watts, volts, amps, va, var, factor, hertz = bench.numbers("FETC? W,V,I,VA,VAR,PF,FREQ")
    assert (volts, amps, va) == pytest.approx((10.0, 2.0, 20.0))
    assert (watts, factor) == pytest.approx((10.0, 0.5), rel=1e-2)
    assert var == pytest.approx(math.sqrt(300.0), rel=1e-2)
    assert hertz == pytest.approx(50.0, rel=1e-3)


def test_a_direct_voltage_has_no_frequency():
    class Direct(Square):
        def sample(self, start, n, rate_hz):
            return np.full(n, 12.0), np.full(n, 3.0)

    bench = Bench(ScpiMeter, Direct())
    bench.clock.jump(1.0)
    assert bench.numbers(":MEAS:FREQ?") == [9.91e37]


@pytest.mark.parametrize(
    ("wrong", "said"), [(Wrong.NAN, 9.91e37), (Wrong.OVER, 9.9e37), (Wrong.CODE, -1.0)]
)
def test_errors_are_given_instead_of_values_every_so_manyth_interval(wrong, said):
    bench = Bench(ScpiMeter, update_s=0.25)
    bench.reader.wrong, bench.reader.wrong_every = wrong, 3
    given = []
    for _ in range(6):
        bench.clock.jump(0.25)
        given += bench.numbers("FETC? W")
    assert [value == said for value in given] == [True, False, False] * 2


def test_what_it_does_not_know_is_an_error_and_not_answered():
    bench = Bench(ScpiMeter)
    assert bench.ask(":FETC? LUMEN") is None
    assert bench.ask(":SYST:ERR?").startswith("-224")
    assert bench.ask(":SENS:APER 0.5;APER?") == "+5.00000000E-01"


def yokogawa(**settings):
    bench = Bench(YokogawaMeter, **settings)
    bench.ask(":NUM:NORM:NUMBER 7")
    for number, item in enumerate(ITEMS, start=1):
        bench.ask(f":NUMERIC:NORMAL:ITEM{number} {item},1")
    return bench


def test_a_yokogawa_gives_its_items_in_order_as_text():
    bench = yokogawa()
    assert bench.ask(":NUM:VAL?") == ",".join(["NAN"] * 7), "there are none yet"
    bench.clock.jump(1.0)
    watts, volts, amps, va, var, factor, hertz = bench.numbers(":NUM:NORM:VAL?")
    assert watts == pytest.approx(100.0, rel=2e-3)
    assert volts == pytest.approx(230.0, rel=1e-3)
    assert va == pytest.approx(volts * amps, rel=1e-4)
    assert factor == pytest.approx(watts / va, rel=1e-4)
    assert var == pytest.approx(math.sqrt(va**2 - watts**2), rel=1e-3)
    assert hertz == pytest.approx(50.012, rel=1e-4)


@pytest.mark.parametrize(
    ("wrong", "text", "word"),
    [(Wrong.NAN, "NAN", "7E951BEE"), (Wrong.OVER, "INF", "7E94F56A"),
     (Wrong.CODE, "NAN", "7E951BEE")],
)  # fmt: skip
def test_a_yokogawa_has_its_own_error_values_in_both_formats(wrong, text, word):
    bench = Bench(YokogawaMeter)
    bench.clock.jump(1.0)
    bench.reader.wrong = wrong
    assert bench.ask(":NUM:NORM:VAL?") == ",".join([text] * 3)
    bench.ask(":NUM:FORM FLOAT")
    assert bench.ask(":NUM:NORM:VAL?") == b"#40012" + bytes.fromhex(word) * 3


def test_numbers_of_32_bits_are_those_of_the_text():
    bench = yokogawa()
    bench.clock.jump(1.0)
    text = bench.numbers(":NUM:NORM:VAL?")
    data = bench.ask(":NUM:FORM FLOAT;FORM?;VAL?")
    assert data == "FLO"
    data = bench.ask(":NUM:VAL?")
    assert struct.unpack(">7f", data[6:]) == pytest.approx(text, rel=1e-5)


def test_another_update_rate_begins_an_interval():
    bench = Bench(YokogawaMeter)
    bench.clock.jump(10.0)
    bench.ask(":RATE 1S")
    bench.clock.jump(0.9)
    assert bench.ask(":NUM:VAL?").startswith("NAN")
    bench.clock.jump(0.2)
    assert bench.numbers(":NUM:VAL?")[0] == pytest.approx(1100.0, rel=2e-3)


def test_an_element_that_a_wt310e_does_not_have_has_no_values():
    bench = Bench(YokogawaMeter)
    bench.ask(":NUM:ITEM1 P,2")
    bench.clock.jump(1.0)
    assert bench.ask(":NUM:VAL?").startswith("NAN,")


def test_the_front_panel_is_locked_while_it_is_told_so_and_free_after_a_power_failure():
    bench = Bench(YokogawaMeter)
    bench.ask(":COMM:REM ON")
    assert bench.ask(":COMM:REM?") == "1"
    bench.instrument.power_cycle()
    assert not bench.instrument.is_remote
