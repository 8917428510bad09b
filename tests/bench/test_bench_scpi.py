"""The remote interface, without a socket."""

import asyncio
import itertools

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.bench.vendors.scpi import ErrorQueue, ScpiError, boolean, choice, nr3, number, units


class Bench:
    """An instrument that is asked without a socket."""

    def __init__(self, **settings):
        self.clock = Clock()
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = InfiniiVision(self.scope, sleep=self.clock.sleep)

    def ask(self, message):
        """Return the only reply, or None."""
        replies = asyncio.run(self.instrument.execute(message))
        assert len(replies) <= 1
        return replies[0] if replies else None

    def error(self):
        return int(self.ask(":SYST:ERR?").partition(",")[0])

    def acquire(self):
        self.ask(":SINGle")
        self.clock.jump(1.0)
        assert int(self.ask(":OPERegister:CONDition?")) & 8 == 0

    def values(self, channel):
        self.ask(f":WAV:SOUR CHAN{channel}")
        fields = self.ask(":WAV:PRE?").split(",")
        assert len(fields) == 10
        word, _, n, count = map(int, fields[:4])
        assert count == 1
        data = self.ask(":WAV:DATA?")
        assert data[:2] == b"#8"
        assert int(data[2:10]) == len(data) - 10 == n * (1 + word)
        order = "<" if self.ask(":WAV:BYT?") == "LSBF" else ">"
        kind = "u" if self.ask(":WAV:UNS?") == "1" else "i"
        codes = np.frombuffer(data[10:], f"{order}{kind}{1 + word}")
        increment, origin, reference = map(float, fields[7:])
        return (codes - reference) * increment + origin


def test_it_says_that_it_is_an_infiniivision():
    maker, model, serial, firmware = Bench().ask("*IDN?").split(",")
    assert maker.startswith("KEYSIGHT")
    assert model.startswith("DSO-X")
    assert serial
    assert firmware


@pytest.mark.parametrize(
    "message", [":CHAN2:SCAL?", ":CHANnel2:SCALe?", ":chan2:scale?", "channel2:SCAL?"]
)
def test_long_and_short_forms_in_any_case_are_one_command(message):
    bench = Bench()
    bench.ask(":CHANNEL2:SCALE 5")
    assert float(bench.ask(message)) == 5.0


@pytest.mark.parametrize(
    "message", [":CHANN2:SCAL?", ":CHA2:SCAL?", ":CHAN9:SCAL?", ":FOO", "*FOO?"]
)
def test_what_is_neither_form_is_an_undefined_header_and_not_answered(message):
    bench = Bench()
    assert bench.ask(message) is None
    assert bench.error() == -113
    assert bench.error() == 0


def test_a_missing_number_means_the_first():
    bench = Bench()
    bench.ask(":CHAN:OFFS 3")
    assert float(bench.ask(":CHAN1:OFFS?")) == 3.0


def test_a_compound_message_continues_the_path():
    bench = Bench()
    replies = asyncio.run(
        bench.instrument.execute(":CHAN2:RANG 20;OFFS 1;*OPC?;RANG?;OFFS?;:TIM:RANG 0.5;RANG?")
    )
    assert replies[0] == "1"
    assert [float(reply) for reply in replies[1:]] == [20.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (":CHAN1:RANG", -109),
        (":CHAN1:RANG red", -104),
        (":CHAN1:RANG -1", -222),
        (":CHAN1:COUP GND", -224),
        (":WAV:SOUR CHAN7", -224),
        (":WAV:FORM ASCii", -224),
        (":WAV:DATA?", -230),
        (":WAV:PRE?", -230),
        (":TIM:RANG 0", -222),
        (":WAV:POIN 0", -222),
    ],
)
def test_what_cannot_be_done_goes_to_the_error_queue(message, code):
    bench = Bench()
    assert bench.ask(message) is None
    assert int(bench.ask("*STB?")) & 4
    assert bench.error() == code
    assert not int(bench.ask("*STB?")) & 4
    assert int(bench.ask("*ESR?")) == (32 if code > -200 else 16)
    assert int(bench.ask("*ESR?")) == 0


def test_the_error_queue_overflows_at_its_end():
    queue = ErrorQueue()
    for _ in range(40):
        queue.append(ScpiError(-113, "Undefined header"))
    texts = [str(queue.take()) for _ in range(31)]
    assert texts[28] == '-113,"Undefined header"'
    assert texts[29] == '-350,"Queue overflow"'
    assert texts[30] == "None"


@pytest.mark.parametrize(
    ("setting", "argument", "reply"),
    [
        (":CHAN3:DISP", "ON", "1"),
        (":CHAN1:PROB", "20", nr3(20)),
        (":CHAN1:RANG", "200 mV", nr3(0.2)),
        (":CHAN1:SCAL", "2", nr3(2)),
        (":CHAN1:OFFS", "-1.5", nr3(-1.5)),
        (":CHAN1:UNIT", "AMPere", "AMP"),
        (":CHAN1:COUP", "ac", "AC"),
        (":TIM:RANG", "10 ms", nr3(0.01)),
        (":TIM:SCAL", "1E-2", nr3(0.01)),
        (":TIM:POS", "0.5", nr3(0.5)),
        (":TIM:MODE", "ROLL", "ROLL"),
        (":ACQ:TYPE", "HRES", "HRES"),
        (":TRIG:SWE", "normal", "NORM"),
        (":WAV:SOUR", "CHANnel2", "CHAN2"),
        (":WAV:FORM", "WORD", "WORD"),
        (":WAV:POIN:MODE", "RAW", "RAW"),
        (":WAV:POIN", "5000", "+5000"),
        (":WAV:UNS", "0", "0"),
        (":WAV:BYT", "LSBFirst", "LSBF"),
    ],
)
def test_what_is_set_is_what_is_asked(setting, argument, reply):
    bench = Bench()
    bench.ask(f"{setting} {argument}")
    assert bench.ask(f"{setting}?") == reply
    assert bench.error() == 0


@pytest.mark.parametrize(
    ("form", "unsigned", "order"),
    list(itertools.product(("BYTE", "WORD"), (0, 1), ("MSBF", "LSBF"))),
)
def test_the_preamble_turns_codes_of_every_form_into_values(form, unsigned, order):
    bench = Bench()
    bench.ask(f":WAV:FORM {form};UNS {unsigned};BYT {order}")
    bench.acquire()
    values = bench.values(1)
    half_step = 0.5 * bench.scope.panel.channels[0].range / 254
    start = bench.scope.record.start
    expected = np.arange(start, start + len(values)) % 100
    assert np.abs(values - expected).max() <= half_step * 1.001


def test_both_inputs_of_one_record_are_of_the_same_time():
    bench = Bench()
    bench.acquire()
    volts, amps = bench.values(1), bench.values(2)
    start = bench.scope.record.start
    expected = np.arange(start, start + 1000)
    np.testing.assert_allclose(volts, expected % 100, atol=0.5)
    np.testing.assert_allclose(amps, expected // 100 % 100, atol=0.5)
    assert bench.scope.truth == [(start, 1000)]


def test_an_input_that_is_not_displayed_has_no_data():
    bench = Bench()
    bench.ask(":CHAN2:DISP OFF")
    bench.acquire()
    bench.ask(":WAV:SOUR CHAN2")
    assert bench.ask(":WAV:DATA?") is None
    assert bench.error() == -230


def test_digitize_holds_back_what_follows_until_the_record_is_done():
    bench = Bench()
    assert bench.ask(":DIGitize;*OPC?") == "1"
    assert bench.scope.record is not None
    assert bench.clock.ns == pytest.approx(0.121e9, rel=0.01)


def test_the_run_bit_follows_the_acquisition():
    bench = Bench()
    bench.ask(":RUN")
    bench.clock.jump(0.5)
    assert int(bench.ask(":OPER:COND?")) == 8
    bench.ask(":STOP")
    assert int(bench.ask(":OPER:COND?")) == 0


def test_rate_and_points_are_those_of_the_next_record():
    bench = Bench()
    bench.ask(":TIM:RANG 0.2;:WAV:POIN 4000")
    assert float(bench.ask(":ACQ:SRAT?")) == pytest.approx(20e3)
    assert int(bench.ask(":ACQ:POIN?")) == 4000
    bench.acquire()
    bench.ask(":TIM:RANG 0.1")
    assert int(bench.ask(":WAV:POIN?")) == 4000
    assert float(bench.ask(":WAV:PRE?").split(",")[4]) == pytest.approx(5e-5)


def test_only_a_gap_free_scope_knows_its_time_tag():
    bench = Bench()
    bench.acquire()
    assert bench.ask(":WAVeform:SEGMented:TTAG?") is None
    assert bench.error() == -113
    bench = Bench(gap_free=True)
    tags = []
    for _ in range(3):
        bench.acquire()
        tags.append(float(bench.ask(":WAVeform:SEGMented:TTAG?")))
    assert tags == pytest.approx([0.0, 0.1, 0.2])


def test_reset_forgets_what_the_user_had_set():
    bench = Bench()
    bench.acquire()
    bench.ask("*RST")
    assert bench.ask(":CHAN2:UNIT?") == "VOLT"
    assert float(bench.ask(":CHAN2:PROB?")) == 1.0
    assert bench.ask(":WAV:DATA?") is None


def test_clear_empties_the_error_queue():
    bench = Bench()
    bench.ask(":NONSENSE")
    bench.ask("*CLS")
    assert bench.error() == 0
    bench.ask("*OPC")
    assert int(bench.ask("*ESR?")) == 1


@given(st.text(max_size=60))
def test_no_message_breaks_the_instrument(message):
    bench = Bench()
    asyncio.run(bench.instrument.execute(message))
    assert bench.ask("*OPC?") == "1"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", []),
        (";;", []),
        ("*RST;:A:B 1,2;C?", [("*RST", ()), (":A:B", ("1", "2")), (":A:C?", ())]),
        ("A:B:C;D;*X;E", [(":A:B:C", ()), (":A:B:D", ()), ("*X", ()), (":A:B:E", ())]),
        (':A "x;y,z", 3', [(":A", ('"x;y,z"', "3"))]),
    ],
)
def test_messages_are_split_into_commands(message, expected):
    assert units(message) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("-.5", -0.5), ("1e3", 1e3), ("100 mV", 0.1), ("5us", 5e-6), ("10X", 10.0)],
)
def test_numbers_may_have_a_unit(text, value):
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "x", "1 2", "1 kg", "nan", "inf", "--1"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ScpiError, match="-104"):
        number(text)


def test_choices_are_given_in_their_short_form():
    assert choice("msbfirst", "MSBFirst", "LSBFirst") == "MSBF"
    assert [boolean(text) for text in ("ON", "1", "off", "0")] == [True, True, False, False]
    with pytest.raises(ScpiError, match="-224"):
        choice("MSBFi", "MSBFirst")
