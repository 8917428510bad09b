"""What is peculiar to the bench's Siglents, without a socket."""

import asyncio
import struct

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope

from monitor.bench.vendors.siglent import SiglentScope


class Bench:
    def __init__(self, **settings):
        self.clock = Clock()
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = SiglentScope(self.scope, sleep=self.clock.sleep)

    def ask(self, *lines):
        """Return the reply to the last of some lines, or None."""
        replies = [asyncio.run(self.instrument.execute(line)) for line in lines]
        return replies[-1][0] if replies[-1] else None

    def take(self):
        self.ask(":TRIG:MODE FTRIG")
        self.clock.jump(2.0)
        assert self.ask(":TRIG:STAT?") == "Stop"

    def descriptor(self, channel):
        return payload(self.ask(f":WAV:SOUR C{channel}", ":WAV:PRE?"))

    def values(self, channel):
        """Return what is read of an input, as the guide's example does."""
        told = self.descriptor(channel)
        vdiv, offset, of_division = struct.unpack_from("<fff", told, 0x9C)
        (probe,) = struct.unpack_from("<f", told, 0x148)
        is_word = told[0x20]
        order = ">" if told[0x22] else "<"
        codes = np.frombuffer(payload(self.ask(":WAV:DATA?")), f"{order}i2" if is_word else "i1")
        of_division *= 256.0 ** (is_word - (of_division > 100))
        return codes / of_division * vdiv * probe - offset * probe


def payload(data):
    """Return what a block holds: nine digits, and a line feed besides the usual one."""
    assert data[:2] == b"#9"
    assert data[-1:] == b"\n"
    assert int(data[2:11]) == len(data) - 12
    return data[11:-1]


def test_bits_choose_the_model():
    assert ",SDS2104X HD," in Bench(bits=12).ask("*IDN?")
    assert ",SDS5034X," in Bench(bits=8).ask("*IDN?")


def test_a_forced_record_ends_stopped_and_a_single_one_waits_for_ever():
    bench = Bench()
    bench.ask(":TRIG:MODE SING")
    bench.clock.jump(10.0)
    assert bench.ask(":TRIG:STAT?") == "Ready"
    bench.ask(":TRIG:MODE FTRIG")
    assert bench.ask(":TRIG:STAT?") == "Trig'd"
    bench.clock.jump(1.0)
    assert bench.ask(":TRIG:STAT?") == "Stop"
    bench.ask(":TRIG:MODE AUTO")
    assert bench.ask(":TRIG:STAT?") == "Auto"


@pytest.mark.parametrize(
    ("bits", "form", "error"),
    [(12, "WORD", 0.04), (12, "BYTE", 0.51), (8, "BYTE", 0.51), (8, "WORD", 0.51)],
)
@pytest.mark.parametrize("order", ["LSB", "MSB"])
@pytest.mark.parametrize("probe", ["1", "20"])
def test_the_formula_of_the_guide_turns_codes_into_values(bits, form, error, order, probe):
    bench = Bench(bits=bits)
    scale = bench.scope.panel.channels[0].range
    bench.ask(f":CHAN1:PROB VAL,{probe}")
    bench.take()
    bench.ask(f":WAV:WIDT {form}", f":WAV:BYT {order}")
    expected = (bench.scope.record.start + np.arange(bench.scope.record.n)) % 100
    values = bench.values(1) / float(probe)
    assert len(values) == bench.scope.record.n
    assert np.abs(values - expected).max() <= error * scale / 250


@pytest.mark.parametrize(("bits", "told"), [(8, 25.0), (12, 6400.0)])
@pytest.mark.parametrize("form", ["BYTE", "WORD"])
def test_codes_of_a_division_are_told_of_the_converter_whatever_is_sent(bits, told, form):
    bench = Bench(bits=bits)
    bench.take()
    bench.ask(f":WAV:WIDT {form}")
    assert struct.unpack_from("<f", bench.descriptor(1), 0xA4) == (told,)


def test_the_offset_lifts_the_trace():
    bench = Bench()
    bench.ask(":CHAN1:OFFS 12")
    assert bench.scope.panel.channels[0].middle == -12.0
    assert bench.ask(":CHAN1:OFFS?") == "1.20E+01"


def test_a_data_query_gives_a_page():
    bench = Bench(max_rate_hz=1e6)
    bench.ask(":TIM:SCAL 0.05", ":TRIG:MODE AUTO", ":ACQ:MDEP 1M", ":WAV:WIDT WORD")
    bench.take()
    assert bench.ask(":WAV:MAXP?") == "250000"
    assert struct.unpack_from("<i", bench.descriptor(1), 116) == (500_000,)
    whole = bench.values(1)
    assert len(whole) == 250_000
    bench.ask(":WAV:STAR 249990", ":WAV:POIN 20")
    assert len(bench.values(1)) == 20
    np.testing.assert_array_equal(bench.values(1)[:10], whole[-10:])
    bench.ask(":WAV:STAR 499995")
    assert len(bench.values(1)) == 5


def test_every_second_sample_can_be_asked_for():
    bench = Bench()
    bench.take()
    whole = bench.values(1)
    bench.ask(":WAV:INT 2")
    np.testing.assert_array_equal(bench.values(1), whole[::2])


def test_what_cannot_be_done_is_not_done_without_a_word():
    bench = Bench()
    bench.ask(":TIM:SCAL 0.03")
    assert float(bench.ask(":TIM:SCAL?")) == 0.05
    depth = bench.ask(":ACQ:MDEP?")
    bench.ask(":ACQ:MDEP 10k")  # stopped
    assert bench.ask(":ACQ:MDEP?") == depth
    bench.ask(":TRIG:MODE AUTO", ":ACQ:MDEP 12k")
    assert bench.ask(":ACQ:MDEP?") == depth
    bench.ask(":ACQ:MDEP 10k")
    assert bench.ask(":ACQ:MDEP?") == "10k"
    assert bench.ask(":NONSENSE?") is None
    assert bench.ask("*OPC?") == "1"


def test_there_is_no_data_of_an_input_that_is_off_or_before_the_first_record():
    bench = Bench()
    assert bench.ask(":WAV:PRE?") is None
    bench.take()
    assert bench.ask(":WAV:SOUR C3", ":WAV:DATA?") is None


def test_reset_and_power_forget_what_was_set():
    bench = Bench()
    bench.take()
    bench.ask(":WAV:WIDT WORD", ":WAV:STAR 5", ":WAV:SOUR C2")
    bench.instrument.power_cycle()
    assert [bench.ask(f":WAV:{name}?") for name in ("WIDT", "STAR", "SOUR")] == ["BYTE", "0", "C1"]
    assert bench.ask(":WAV:DATA?") is None
    bench.ask("*RST")
    assert bench.ask(":CHAN2:UNIT?") == "V"
