"""What is peculiar to the bench's Tektronix scopes, without a socket."""

import asyncio
import itertools

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.vendors.tektronix import TektronixScope


class Bench:
    def __init__(self, **settings):
        self.clock = Clock()
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = TektronixScope(self.scope, sleep=self.clock.sleep)
        self.ask("HEADER OFF")

    def replies(self, *lines):
        return [asyncio.run(self.instrument.execute(line)) for line in lines][-1]

    def ask(self, *lines):
        """Return the reply to the last of some lines, or None."""
        replies = self.replies(*lines)
        return replies[0] if replies else None

    def event(self):
        self.ask("*ESR?")
        return int(self.ask("EVMSG?").partition(",")[0])

    def take(self):
        self.ask("ACQ:STOPA SEQ", "ACQ:STATE RUN")
        self.clock.jump(2.0)
        assert self.ask("ACQ:STATE?").endswith("0")

    def values(self, data):
        """Return what a block says, by the formula of the manual."""
        n_digits = int(data[1:2])
        assert data[:1] == b"#"
        assert int(data[2 : 2 + n_digits]) == len(data) - 2 - n_digits
        width, sign, order = (self.ask(f"WFMO:{key}?") for key in ("BYT_N", "BN_F", "BYT_O"))
        dtype = {"LSB": "<", "MSB": ">"}[order] + {"RI": "i", "RP": "u"}[sign] + width
        codes = np.frombuffer(data[2 + n_digits :], dtype).astype(float)
        assert int(self.ask("WFMO:NR_P?")) == len(codes)
        mult, off, zero = (float(self.ask(f"WFMO:{key}?")) for key in ("YMULT", "YOFF", "YZERO"))
        return (codes - off) * mult + zero


def test_bits_choose_the_model():
    assert ",MSO44," in Bench(bits=12).ask("*IDN?")
    assert ",MDO3024," in Bench(bits=8).ask("*IDN?")


def test_replies_have_headers_until_they_are_switched_off():
    bench = Bench(bits=8)
    bench.ask("HEADER ON")
    assert bench.ask("CH2:SCALE?").startswith(":CH2:SCALE ")
    assert bench.ask("HEADER?") == ":HEADER 1"
    assert bench.ask("*ESR?") == "0"
    bench.take()
    assert bench.ask("CURVE?").startswith(b":CURVE #")
    bench.ask("HEAD 0")
    assert float(bench.ask("CH2:SCALE?")) == bench.scope.panel.channels[1].range / 10
    bench.instrument.power_cycle()
    assert bench.ask("HEADER?") == ":HEADER 1"


def test_an_event_is_told_only_after_the_register_was_read():
    bench = Bench()
    bench.ask("FOO")
    assert bench.ask("EVMSG?").startswith('1,"')
    assert int(bench.ask("*ESR?")) & 32
    assert bench.ask("EVMSG?") == '113,"Undefined header"'
    assert bench.ask("EVMSG?").startswith('0,"')
    bench.ask("FOO", "*CLS")
    assert bench.replies("*ESR?;:EVMsg?") == ["0", '0,"No events to report - queue empty"']


@pytest.mark.parametrize(
    ("bits", "width", "encoding"),
    list(itertools.product((8, 12), (1, 2), ("RIBinary", "RPB", "SRIbinary", "SRPbinary"))),
)
def test_the_formula_of_the_manual_turns_codes_of_every_form_into_values(bits, width, encoding):
    bench = Bench(bits=bits)
    bench.take()
    bench.ask(f"DATA:ENCDG {encoding}", f"DATA:WIDTH {width}")
    values = bench.values(bench.ask("CURVE?"))
    expected = (bench.scope.record.start + np.arange(bench.scope.record.n)) % 100
    levels = 4000 if width == 2 and bits == 12 else 250
    assert len(values) == bench.scope.record.n
    assert np.abs(values - expected).max() <= 0.51 * bench.scope.panel.channels[0].range / levels


def test_the_position_lifts_the_trace_and_changes_no_value():
    bench = Bench()
    bench.ask("CH1:POSITION 1")
    assert bench.scope.panel.channels[0].middle == 20.0  # of 40, with 20 a division
    bench.take()
    values = bench.values(bench.ask("CURVE?"))
    assert float(bench.ask("WFMO:YOF?")) == 25.0
    assert values.min() == pytest.approx(0.0, abs=0.5)


def test_a_part_of_a_record_ends_where_the_record_does():
    bench = Bench()
    bench.take()
    bench.ask("DATA:START 901", "DATA:STOP 5000")
    assert bench.ask("WFMO:NR_P?") == "100"
    assert bench.ask("CURVE?")[:5] == b"#3100"


def test_an_input_that_is_off_has_no_curve():
    bench = Bench()
    bench.take()
    assert bench.ask("DATA:SOURCE CH3", "CURVE?") is None
    assert bench.event() == 2244
    assert bench.ask("WFMO:YUN?") is None


def test_the_unit_is_quoted():
    bench = Bench()
    assert bench.ask("DATA:SOU CH2", "WFMO:YUN?") == '"A"'
    bench.ask('CH2:PROBEF:EXTU "V"')
    assert bench.ask("WFMO:YUN?") == '"V"'


def test_the_probe_of_an_mdo_has_a_gain_and_that_of_an_mso_an_attenuation():
    bench = Bench(bits=8)
    bench.ask("CH1:PROBE:GAIN 0.1")
    assert bench.scope.panel.channels[0].probe == pytest.approx(10.0)
    assert float(bench.ask("CH1:PROBE:GAIN?")) == pytest.approx(0.1)
    bench = Bench(bits=12)
    bench.ask("CH1:PROBEFUNC:EXTATTEN 10")
    assert float(bench.ask("CH1:PROBEF:EXTA?")) == 10.0


def test_an_mdo_has_steps_and_a_list_of_lengths():
    bench = Bench(bits=8)
    bench.ask("HOR:SCALE 0.03", "HOR:RECO 20000")
    assert float(bench.ask("HOR:SCALE?")) == pytest.approx(0.04)
    assert bench.ask("HOR:RECO?") == "10000"
    assert float(bench.ask("HOR:SAMPLER?")) == pytest.approx(25e3)


def test_an_mso_keeps_the_rate_with_the_length_and_the_length_with_the_rate():
    bench = Bench(bits=12)
    bench.ask("HOR:MODE MAN", "HOR:MODE:SAMPLERATE 20000", "HOR:MODE:RECO 3000")
    assert float(bench.ask("HOR:MODE:SAMPLER?")) == pytest.approx(20e3)
    assert bench.ask("HOR:MODE:RECO?") == "3000"
    assert float(bench.ask("HOR:MODE:SCA?")) == pytest.approx(0.015)


def test_it_runs_until_it_is_stopped_unless_a_sequence_is_asked_for():
    bench = Bench()
    bench.ask("ACQ:STATE ON")
    bench.clock.jump(5.0)
    assert (bench.ask("ACQ:STATE?"), bench.ask("TRIG:STATE?")) == ("1", "AUTO")
    bench.ask("ACQ:STATE OFF")
    assert (bench.ask("ACQ:STATE?"), bench.ask("TRIG:STATE?")) == ("0", "SAVE")


async def pushed(bench, n_records):
    """Return so many records as they are pushed."""
    (stream,) = await bench.instrument.execute("CURVESTREAM?")
    records = [await anext(stream) for _ in range(n_records)]
    await stream.aclose()
    return records


def test_an_mso_pushes_the_records_of_all_sources_until_it_is_interrupted():
    bench = Bench()
    bench.ask("DATA:SOU CH1,CH2", "DATA:STOP 100", "ACQ:STATE RUN")
    records = asyncio.run(pushed(bench, 3))
    assert bench.scope.truth[0][0] < bench.scope.truth[1][0] < bench.scope.truth[2][0]
    for record in records:
        first, second = record[:105], record[106:]
        assert (first[:5], record[105:106], second[:5]) == (b"#3100", b";", b"#3100")
        assert len(second) == 105
    assert bench.event() == 410
    assert bench.event() == 0


def test_an_mdo_pushes_nothing():
    bench = Bench(bits=8)
    assert bench.ask("CURVESTREAM?") is None
    assert bench.event() == 113


def test_reset_and_power_forget_what_was_set():
    bench = Bench()
    bench.take()
    bench.ask("DATA:WIDTH 2", "DATA:SOURCE CH2")
    bench.instrument.power_cycle()
    bench.ask("HEADER OFF")
    assert (bench.ask("DATA:WIDTH?"), bench.ask("DATA:SOURCE?")) == ("1", "CH1")
    assert bench.ask("CURVE?") is None
    bench.ask("*RST", "HEADER OFF")
    assert bench.ask("DATA:SOURCE CH1", "WFMO:YUN?") == '"V"'


@given(st.text(max_size=60))
def test_no_message_breaks_the_instrument(message):
    bench = Bench()
    bench.ask(message)
    assert bench.ask("*OPC?") == "1"
